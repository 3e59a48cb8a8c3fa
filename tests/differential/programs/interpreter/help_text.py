import pydoc

print(pydoc.plain(pydoc.render_doc(len)))
