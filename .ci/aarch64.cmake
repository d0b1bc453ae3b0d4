# Debian's g++-aarch64-linux-gnu. What it makes runs under qemu-user, see aarch64.mjs.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
