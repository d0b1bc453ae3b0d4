#pragma once
#include <cuda_runtime_api.h>

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "emulation/runtime/handles.h"
#include "emulation/runtime/rules.h"
#include "emulation/runtime/stand_in.h"

namespace twofour::emulation {

enum class Place { device, pinned };

struct Allocation {
  size_t bytes;
  Place place;
  int device;
  std::thread::id thread;
};

/// What one record of an event marks: done once the stream came to it.
struct Mark {
  cudaStream_t stream = nullptr;
  bool done = false;
  double nanoseconds = 0;
};

/// One operation of a stream. Shared, because a graph queues the same work again and again.
struct Operation {
  ~Operation();
  std::string name;
  EmulatedWork work{};
  /// The memory it touches; everything if `touches_unknown`.
  std::vector<EmulatedUse> uses;
  bool touches_unknown = false;
  bool is_kernel = false;
  /// An event record or a wait: no work, but an order.
  std::shared_ptr<Mark> records, waits_for;
  std::thread::id thread = std::this_thread::get_id();
};

struct Capture {
  cudaStreamCaptureMode mode;
  std::thread::id thread;
  std::vector<std::shared_ptr<Operation>> operations;
  bool broken = false;
};

struct Stream {
  int device = 0;
  bool blocking = false;
  std::deque<std::shared_ptr<Operation>> queue;
  std::unique_ptr<Capture> capture;
  bool after_kernel = false;
  /// Time of the device at which the last operation of this stream ended.
  double nanoseconds = 0;
};

struct Event {
  bool timed = true;
  /// Null until it is recorded.
  std::shared_ptr<Mark> mark;
  /// Recorded into a graph last: then the host may not ask for it.
  bool captured = false;
};

struct Graph {
  int device;
  std::vector<std::shared_ptr<Operation>> operations;
};

/// All that the runtime knows. Everything is done under one lock: it stands for hardware that runs at its own
/// time, here at the latest time that the rules of streams and events allow.
struct State {
  std::recursive_mutex mutex;
  std::map<uintptr_t, Allocation> memory;
  std::map<uintptr_t, Allocation> freed;
  std::map<int, size_t> used;
  /// Device → the error that killed it.
  std::map<int, cudaError_t> dead;
  Handles<cudaStream_t, Stream> streams{1};
  Handles<cudaEvent_t, Event> events{2};
  Handles<cudaGraph_t, Graph> graphs{3};
  Handles<cudaGraphExec_t, Graph> executables{4};
  std::map<int, Stream> default_streams;
  /// What libraries hold, by kind.
  std::map<std::string, long> held;
};
State& state();
int current_device();

/// Ends a function: notes the error as the thread's last one. With a sentence, as a breach.
cudaError_t give(cudaError_t error);
cudaError_t refuse(cudaError_t error, const std::string& sentence);

/// What every function asks first: an injected fault, a machine without a fit device, a dead device.
/// Gives cudaSuccess if the call may go on.
cudaError_t enter(const char* function);
/// The same without the dead device, for what asks about the machine.
cudaError_t enter_machine(const char* function);
/// The same for what may not happen on the hot path, nor while this thread or a global capture records a
/// graph.
cudaError_t enter_creation(const char* function);
/// No device, or a driver that is too old: what every call then gives.
cudaError_t machine_error();
void revive_devices();

/// The allocation that holds this address; null if there is none.
const std::pair<const uintptr_t, Allocation>* find_memory(const void* at);
/// True if [at, at + bytes) lies in one live allocation of that place; else notes why not, naming it `what`.
bool is_inside(const void* at, size_t bytes, Place place, const std::string& what);

/// Null and a breach if the handle is none or was destroyed. The null handle is the default stream of the
/// device.
Stream* find_stream(cudaStream_t handle, const char* function);
cudaError_t push(cudaStream_t handle, Stream& stream, std::shared_ptr<Operation> operation);
/// Runs what is queued; gives the error of the device.
cudaError_t drain(Stream& stream);
cudaError_t drain_until(const std::shared_ptr<Mark>& mark);
/// Runs the oldest operation of a stream and what it waits for.
void step(Stream& stream);
/// All streams of a device that take part in the order of the default stream, or all.
cudaError_t drain_device(int device, bool blocking_only);
/// The name of a queued operation that touches these bytes, null if none does. With `unknown`, a kernel
/// counts that was queued by the thread that allocated them: another's threads have memory of their own, and
/// nobody could wait for what they queue meanwhile.
const Operation* queued_use(const void* at, size_t bytes, bool unknown);

}  // namespace twofour::emulation
