#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

/// One binary for old and new distributions: on x86-64 the addon asks for nothing newer than glibc 2.28,
/// which Node itself needs, whatever glibc it was compiled on. CMakeLists.txt compiles this file and passes
/// --wrap where that applies (never under sanitizers, whose runtime interposes the same names). Two means:
/// what the static libstdc++ and libgcc want from a newer glibc is defined here, hidden, for this binary
/// alone; references to functions that got a newer symbol version are sent to the old version of the same
/// function. test/glibc.test.ts reads the versions that the binary asks for.

#define HIDDEN __attribute__((visibility("hidden")))

// --wrap=name sends every reference to __wrap_name, which jumps on, whatever the arguments, to the version of
// `name` that x86-64 began with.
// clang-format off
#define OLD(name)                                      \
  asm(".text\n"                                        \
      ".globl __wrap_" #name "\n"                      \
      ".hidden __wrap_" #name "\n"                     \
      ".type __wrap_" #name ", @function\n"            \
      ".symver old_" #name ", " #name "@GLIBC_2.2.5\n" \
      "__wrap_" #name ":\n"                            \
      "  endbr64\n"                                    \
      "  jmp old_" #name "@PLT\n"                      \
      ".size __wrap_" #name ", . - __wrap_" #name "\n")
// clang-format on

// 2.34 moved libpthread into libc; the functions stayed what they were.
OLD(pthread_create);
OLD(pthread_detach);
OLD(pthread_join);
OLD(pthread_once);
OLD(pthread_key_create);
OLD(__pthread_key_create);
OLD(pthread_key_delete);
OLD(pthread_getspecific);
OLD(pthread_setspecific);
// The same of libdl.
OLD(dladdr);
OLD(dlerror);
OLD(dlopen);
OLD(dlsym);
// 2.29 gave these a faster entry without the SVID error hook; the values are the same.
OLD(exp);
OLD(log);
OLD(pow);

extern "C" {

// Before 2.33, fstat was this call with the layout's number (1 on x86-64) in front.
int __fxstat(int layout, int file, struct stat* status);
HIDDEN int __wrap_fstat(int file, struct stat* status) { return __fxstat(1, file, status); }
HIDDEN int __wrap_fstat64(int file, struct stat* status) { return __fxstat(1, file, status); }

// 2.32: libstdc++ counts references without atomics while this is true. It never is in Node.
extern HIDDEN char __libc_single_threaded;
char __libc_single_threaded = 0;

// 2.30: waiting until a time of the steady clock. Older versions know the wall clock only, which may jump;
// the waits here are of milliseconds, and their callers look again at the steady clock.
HIDDEN int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* until) {
  constexpr long kSecond = 1'000'000'000;
  timespec now, wall;
  clock_gettime(clock, &now);
  clock_gettime(CLOCK_REALTIME, &wall);
  wall.tv_sec += until->tv_sec - now.tv_sec;
  wall.tv_nsec += until->tv_nsec - now.tv_nsec;
  if (wall.tv_nsec >= kSecond) ++wall.tv_sec, wall.tv_nsec -= kSecond;
  if (wall.tv_nsec < 0) --wall.tv_sec, wall.tv_nsec += kSecond;
  return pthread_cond_timedwait(condition, mutex, &wall);
}

// 2.36: std::random_device.
HIDDEN uint32_t arc4random() {
  uint32_t value;
  if (getrandom(&value, sizeof value, 0) != sizeof value) abort();
  return value;
}

#if __GLIBC_PREREQ(2, 35)
namespace {

struct Search {
  uintptr_t address;
  dl_find_object* found;
};

int look_in(dl_phdr_info* object, size_t, void* data) {
  const Search& search = *static_cast<Search*>(data);
  const ElfW(Phdr)* frames = nullptr;
  bool inside = false;
  for (const auto& part : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    const uintptr_t begin = object->dlpi_addr + part.p_vaddr;
    if (part.p_type == PT_GNU_EH_FRAME) frames = &part;
    if (part.p_type != PT_LOAD || search.address < begin || search.address - begin >= part.p_memsz) continue;
    inside = true;
    search.found->dlfo_map_start = reinterpret_cast<void*>(begin);
    search.found->dlfo_map_end = reinterpret_cast<void*>(begin + part.p_memsz);
  }
  if (!inside || frames == nullptr) return 0;
  search.found->dlfo_eh_frame = reinterpret_cast<void*>(object->dlpi_addr + frames->p_vaddr);
  return 1;
}

}  // namespace

// 2.35: where the unwinder finds the frames of an address. Called while an exception is thrown.
HIDDEN int _dl_find_object(void* address, dl_find_object* found) noexcept {
  Search search{reinterpret_cast<uintptr_t>(address), found};
  return dl_iterate_phdr(look_in, &search) == 1 ? 0 : -1;
}
#endif

}  // extern "C"
