import logging

logging.warning("unconfigured")
logging.basicConfig(
    format="%(levelname)s %(name)s %(filename)s:%(lineno)d %(funcName)s %(processName)s %(threadName)s %(message)s"
)
logging.getLogger("a.b").error("configured")
print(logging.getLogger().handlers, logging.raiseExceptions, logging.getLogger().level)
