#include "base/old_glibc.h"

/// What the static CUDA runtime wants beside the functions of native/node/glibc.cc: it was compiled against
/// any glibc, so these are as old as x86-64, and one plugin serves old and new distributions.

TWOFOUR_OLD(dlclose);
TWOFOUR_OLD(dlvsym);
TWOFOUR_OLD(pthread_condattr_setpshared);
TWOFOUR_OLD(pthread_kill);
TWOFOUR_OLD(pthread_mutex_trylock);
TWOFOUR_OLD(pthread_mutexattr_destroy);
TWOFOUR_OLD(pthread_mutexattr_init);
TWOFOUR_OLD(pthread_mutexattr_setpshared);
TWOFOUR_OLD(pthread_mutexattr_settype);
TWOFOUR_OLD(pthread_rwlock_destroy);
TWOFOUR_OLD(pthread_rwlock_init);
TWOFOUR_OLD(pthread_rwlock_rdlock);
TWOFOUR_OLD(pthread_rwlock_timedrdlock);
TWOFOUR_OLD(pthread_rwlock_timedwrlock);
TWOFOUR_OLD(pthread_rwlock_tryrdlock);
TWOFOUR_OLD(pthread_rwlock_trywrlock);
TWOFOUR_OLD(pthread_rwlock_unlock);
TWOFOUR_OLD(pthread_rwlock_wrlock);
TWOFOUR_OLD(pthread_rwlockattr_destroy);
TWOFOUR_OLD(pthread_rwlockattr_init);
TWOFOUR_OLD(pthread_rwlockattr_setpshared);
TWOFOUR_OLD(pthread_spin_destroy);
TWOFOUR_OLD(pthread_spin_init);
TWOFOUR_OLD(pthread_spin_lock);
TWOFOUR_OLD(pthread_spin_trylock);
TWOFOUR_OLD(pthread_spin_unlock);
TWOFOUR_OLD(sem_destroy);
TWOFOUR_OLD(sem_init);
TWOFOUR_OLD(sem_post);
TWOFOUR_OLD(sem_timedwait);
TWOFOUR_OLD(sem_trywait);
TWOFOUR_OLD(sem_wait);
TWOFOUR_OLD(shm_open);
TWOFOUR_OLD(shm_unlink);
TWOFOUR_OLD_VERSION(dlmopen, "2.3.4");
