#pragma once
#include <stddef.h>
#include <stdint.h>

/// What the stand-in for a GPU offers beside the functions that it stands in for. Plain C, because the
/// plugin, the runtime and both libraries are shared objects that may each have a C++ library of their own.
/// One process has one stand-in; every function may be called from any thread.
extern "C" {

struct CUstream_st;

/// Memory that queued work reads or writes. `what` names it in breaches and must outlive the process (a
/// literal).
struct EmulatedUse {
  const void* at;
  size_t bytes;
  int write;
  const char* what;
};

/// Work for a stream, run when the stream is drained. `run` gives 0, or 1 and a sentence (at most `capacity`
/// bytes, ended by 0): a fault that kills the device. It runs once, or as often as a graph that holds it is
/// launched; `release` ends its life. `use_count` < 0: what it touches is not known (a kernel).
struct EmulatedWork {
  const char* name;
  int (*run)(void* context, char* message, size_t capacity);
  void (*release)(void* context);
  void* context;
  const EmulatedUse* uses;
  long use_count;
  /// Modelled time on the emulated device, in nanoseconds: all that events of the stand-in can measure.
  double nanoseconds;
};

/// Queues work on a stream (null: the default stream) and gives a cudaError_t; takes `context` in every case.
int emulation_enqueue(CUstream_st* stream, const EmulatedWork* work);
/// 1 if the last thing that was queued on `stream` is a kernel.
int emulation_follows_kernel(CUstream_st* stream);
/// 1 while `stream` records a graph.
int emulation_is_capturing(CUstream_st* stream);
/// 1 if nothing that is queued touches these bytes, so that the host may look at them now.
int emulation_is_settled(const void* at, size_t bytes);
/// 1 if these bytes lie in one live allocation of a device; no breach where they do not.
int emulation_is_device(const void* at, size_t bytes);
/// Ends the capture of a stream in failure, as an illegal operation does.
void emulation_invalidate_capture(CUstream_st* stream);

/// A rule that was broken: kept until it is reset. The sentence is copied.
void emulation_breach(const char* sentence);
/// The sentence of the newest breach of this process, "" if there is none; valid until this thread asks
/// again.
const char* emulation_last_breach(void);
long emulation_breach_count(void);
/// Something that the stand-in does not have, as a library may not have it: who asked may try something else,
/// so that it is no breach and not counted, but its sentence is the newest one.
void emulation_refusal(const char* sentence);
/// Forgets breaches, faults, counts of calls and settings; revives devices. Memory and handles stay.
void emulation_reset(void);
/// A library made (1) or ended (-1) an object of this kind, which is outstanding in between.
void emulation_count(const char* kind, int change);
/// A sentence that names what is allocated or created and not released yet, "" if nothing is.
const char* emulation_outstanding(void);

/// While on, whoever allocates, creates, destroys or synchronises breaks a rule; one synchronisation, the
/// last act on the device, is allowed. `emulation_forbid_creation` is about the calling thread, the other
/// about all. Calls nest; the outermost `on` starts a new count.
void emulation_forbid_creation(int on);
void emulation_forbid_creation_everywhere(int on);
/// 1, and a breach that names `what`, if creation is forbidden now.
int emulation_refuse_creation(const char* what);

/// Makes the `call`-th call from now (1: the next) of a named function of the runtime or a library give
/// `status` without doing anything. "cudaLaunchKernel" is any launch; "kernel" is the `call`-th that runs,
/// which then faults for good, whatever `status`.
void emulation_fail(const char* function, long call, int status);
/// How many of the failures that were asked for have not come yet.
long emulation_faults_waiting(void);
/// The status that this call must give, 0 for none: asked once at the start of every function.
int emulation_fault(const char* function);

/// Settings, by name: see faults.cc for the table. 0 if there is none of that name.
int emulation_set(const char* name, long value);
long emulation_setting(const char* name);

/// Copies a library so that dlsym no longer finds `symbol` in the copy. 0 if done.
int emulation_copy_without(const char* library, const char* copy, const char* symbol);
}
