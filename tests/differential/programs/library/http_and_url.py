import http.client
import urllib.error
import urllib.parse
import urllib.request

print(urllib.parse.urlparse("https://user@example.org:8080/a?b=c#d"), urllib.parse.quote("ü /"))
try:
    urllib.request.urlopen("http://example.org", timeout=5)
except urllib.error.URLError as error:
    print(error)
