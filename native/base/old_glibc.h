#pragma once

/// For the files that CMakeLists.txt links with --wrap: see native/node/glibc.cc.
// --wrap=name sends every reference to __wrap_name, which jumps on, whatever the arguments, to the given
// version of `name`.
// clang-format off
#define TWOFOUR_OLD_VERSION(name, version)             \
  asm(".text\n"                                        \
      ".globl __wrap_" #name "\n"                      \
      ".hidden __wrap_" #name "\n"                     \
      ".type __wrap_" #name ", @function\n"            \
      ".symver old_" #name ", " #name "@GLIBC_" version "\n" \
      "__wrap_" #name ":\n"                            \
      "  endbr64\n"                                    \
      "  jmp old_" #name "@PLT\n"                      \
      ".size __wrap_" #name ", . - __wrap_" #name "\n")
// clang-format on

/// The version that x86-64 began with.
#define TWOFOUR_OLD(name) TWOFOUR_OLD_VERSION(name, "2.2.5")
