import socket

for call in (
    socket.if_nameindex,
    lambda: socket.create_connection(("127.0.0.1", 9), 1),
    lambda: socket.create_connection(("192.0.2.1", 9), 1),
    lambda: socket.create_server(("127.0.0.1", 0)).getsockname()[0],
    lambda: socket.socket(socket.AF_NETLINK),
    lambda: socket.getaddrinfo("example.org", 80),
):
    try:
        print(call())
    except OSError as error:
        print(error)
