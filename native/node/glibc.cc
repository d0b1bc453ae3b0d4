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

#include "base/old_glibc.h"

/// One binary for old and new distributions: on x86-64 the addon asks for nothing newer than glibc 2.28,
/// which Node itself needs, whatever glibc it was compiled on. CMakeLists.txt compiles this file and passes
/// --wrap where that applies (never under sanitizers, whose runtime interposes the same names). Two means:
/// what the static libstdc++ and libgcc want from a newer glibc is defined here, hidden, for this binary
/// alone; references to functions that got a newer symbol version are sent to the old version of the same
/// function. test/glibc.test.ts reads the versions that the binary asks for.

#define HIDDEN __attribute__((visibility("hidden")))

// 2.34 moved libpthread into libc; the functions stayed what they were.
TWOFOUR_OLD(pthread_create);
TWOFOUR_OLD(pthread_detach);
TWOFOUR_OLD(pthread_join);
TWOFOUR_OLD(pthread_once);
TWOFOUR_OLD(pthread_key_create);
TWOFOUR_OLD(__pthread_key_create);
TWOFOUR_OLD(pthread_key_delete);
TWOFOUR_OLD(pthread_getspecific);
TWOFOUR_OLD(pthread_setspecific);
// The same of libdl.
TWOFOUR_OLD(dladdr);
TWOFOUR_OLD(dlerror);
TWOFOUR_OLD(dlopen);
TWOFOUR_OLD(dlsym);
// 2.29 gave these a faster entry without the SVID error hook; the values are the same.
TWOFOUR_OLD(exp);
TWOFOUR_OLD(log);
TWOFOUR_OLD(pow);

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
