import xml.etree.ElementTree as ElementTree

tree = ElementTree.fromstring("<a x='1'><b>text</b><b/></a>")
print([element.tag for element in tree.iter()], ElementTree.tostring(tree))
