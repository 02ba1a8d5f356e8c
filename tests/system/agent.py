# SPDX-License-Identifier: MIT
"""A connection to the bus that lasts, as the agent's does: the ledger interrupts what it accepted for one
that closes, so busctl cannot ask for an acceptance. Through libsystemd, which every machine has."""

import ctypes

import world

INTERFACE = b"org.devbox.Ledger1"
OBJECT = b"/org/devbox/Ledger1"


class Error(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("message", ctypes.c_char_p), ("_need_free", ctypes.c_int)]


systemd = ctypes.CDLL("libsystemd.so.0")


def do(function, *arguments):
    result = getattr(systemd, "sd_bus_" + function)(*arguments)
    world.expect(result >= 0, f"{function}: {result}")
    return result


def append_text(message, text):
    do("message_append_basic", message, ctypes.c_char(b"s"), text.encode())


def read_text(message):
    text = ctypes.c_char_p()
    do("message_read_basic", message, ctypes.c_char(b"s"), ctypes.byref(text))
    return text.value.decode()


def read_value(message):
    contents = ctypes.c_char_p()
    do("message_peek_type", message, None, ctypes.byref(contents))
    kind = contents.value
    do("message_enter_container", message, ctypes.c_char(b"v"), kind)
    if kind == b"s":
        value = read_text(message)
    elif kind == b"t":
        number = ctypes.c_uint64()
        do("message_read_basic", message, ctypes.c_char(b"t"), ctypes.byref(number))
        value = number.value
    else:
        data, size = ctypes.POINTER(ctypes.c_uint8)(), ctypes.c_size_t()
        do("message_read_array", message, ctypes.c_char(b"y"), ctypes.byref(data), ctypes.byref(size))
        value = data[:size.value]
    do("message_exit_container", message)
    return value


class Agent:
    def __init__(self):
        self.bus = ctypes.c_void_p()
        do("open_system", ctypes.byref(self.bus))
        name = ctypes.c_char_p()
        do("get_unique_name", self.bus, ctypes.byref(name))  # or the bus closes it after 30 s of silence

    def close(self):
        systemd.sd_bus_flush_close_unref(self.bus)

    def accept(self, request, delivery):
        """What the ledger answers."""
        call, reply, error, answer = ctypes.c_void_p(), ctypes.c_void_p(), Error(), {}
        do("message_new_method_call", self.bus, ctypes.byref(call), INTERFACE, OBJECT, INTERFACE, b"Accept")
        append_text(call, request)
        append_text(call, delivery)
        do("message_open_container", call, ctypes.c_char(b"a"), b"s")
        do("message_close_container", call)
        result = systemd.sd_bus_call(self.bus, call, ctypes.c_uint64(0), ctypes.byref(error),
                                     ctypes.byref(reply))
        systemd.sd_bus_message_unref(call)
        world.expect(result >= 0, f"Accept: {error.name} {error.message}")
        do("message_enter_container", reply, ctypes.c_char(b"a"), b"{sv}")
        while do("message_enter_container", reply, ctypes.c_char(b"e"), b"sv"):
            name = read_text(reply)
            answer[name] = read_value(reply)
            do("message_exit_container", reply)
        systemd.sd_bus_message_unref(reply)
        return answer
