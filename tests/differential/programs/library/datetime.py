import datetime
import zoneinfo

moment = datetime.datetime(2024, 2, 29, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"))
print(moment, moment.astimezone(datetime.UTC), datetime.datetime.fromtimestamp(0), moment.strftime("%A %c"))
