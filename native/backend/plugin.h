#pragma once
#include <cstddef>
#include <cstdint>

/// The door between the addon and a backend in a shared library of its own, opened at run time: the contract
/// of backend/backend.h as plain functions over opaque handles. Each side has a C++ library of its own, so no
/// C++ object and no exception crosses; memory is freed on the side that allocated it. Both sides come from
/// one source tree and compiler, so enums cross as the numbers that they are there.
namespace twofour::plugin {

/// Of everything in this file: another number is another layout.
constexpr uint32_t kVersion = 3;
constexpr const char* kSymbol = "twofour_cuda_plugin";

/// Filled by a function that fails. `code` is one of lib/errors.ts, `message` a sentence with the fix.
struct Failure {
  char code[40];
  char message[1024];
};

/// 0: done. 1: failed, and `failure` says why. Functions without a status cannot fail.
using Status = int32_t;

/// What a callback of the caller returns: 0 to go on; else the function that was called stops and fails.
using Answer = int32_t;

// Made by a function of their name, given back by the `destroy_…` of it. Null is never one.
struct Device;
struct Backend;
struct Linear;
struct Table;
struct Norm;
struct Batch;
struct Activations;

/// Absolute paths of shared libraries; empty: none was found. Or a bare file name, left to the loader.
struct LibraryPaths {
  const char* cublaslt;
  const char* cusparselt;
};

/// One of them, as found. Strings live during the callback.
struct LibraryState {
  const char* name;  ///< "cuBLASLt"
  const char* path;  ///< As the loader says where it knows, else as given.
  const char* version;
  bool usable;
  const char* code;      ///< CUDA_LIBRARY_…, or empty.
  const char* sentence;  ///< Why it is not usable, or what is known of this version, or empty.
};

struct DeviceState {
  int32_t index;
  const char* name;
  int32_t major, minor;  ///< Compute capability.
  uint64_t memory;       ///< Bytes, all of it.
  bool available;
  const char* code;    ///< CUDA_DEVICE_TOO_OLD …, or empty.
  const char* reason;  ///< Why not, or empty.
};

struct Report {
  bool emulated;                            ///< Computed on the CPU: no figure of it is a GPU's.
  int32_t runtime_version, driver_version;  ///< 13000 is 13.0; driver 0: there is none.
  char minimum_driver[16];                  ///< That the linked runtime needs.
  char code[40];  ///< CUDA_DRIVER_MISSING …: why there is no device at all, or empty.
  char reason[1024];
};

/// Who is told, one by one. `library` is called only where `paths` is given.
struct ReportSink {
  void* context;
  Answer (*device)(void* context, const DeviceState* state);
  Answer (*library)(void* context, const LibraryState* state);
};

struct Measurement {
  size_t rows, columns, kept;
  const char *dense, *sparse;
  size_t tokens;
  double dense_us, sparse_us;
  const char *epilogue, *algorithm;
};

/// Any number of threads may call `read` at once.
struct MatrixSource {
  size_t rows, columns;
  void* context;
  Answer (*read)(void* context, size_t first, size_t count, float* out);
};

struct LinearWeights {
  MatrixSource weight;
  const float* bias;  ///< [weight.rows]
  uint8_t format, sparsity;
};

struct LinearUse {
  Linear* linear;
  uint8_t activation;
  bool residual;
};

struct Tuning {
  const Measurement* known;
  size_t known_count;
  double budget;  ///< Seconds; infinite for no bound.
  void* context;
  Answer (*between)(void* context);
  /// Called for all that was measured, at the end.
  Answer (*measured)(void* context, const Measurement* measurement);
};

/// As in backend.h.
struct Calibration {
  float largest;
  uint8_t activation;
  bool residual;
};

struct Form {
  const char* name;
  size_t bytes;
};

/// `tokens` 0: any number. Times that are not known are NaN.
struct Choice {
  size_t tokens;
  const char* form;
  double dense_us, sparse_us;
  const char* reason;
};

/// Of scales; numbers as in Choice.
struct ScaleChoice {
  size_t tokens;
  uint8_t chosen;
  double token_us, tensor_us;
  const char* reason;
};

/// Called for every form, then for every choice; then, of a linear that was calibrated, once for its scales,
/// and for every choice among them.
struct LinearSink {
  void* context;
  Answer (*form)(void* context, const Form* form);
  Answer (*choice)(void* context, const Choice* choice);
  Answer (*scales)(void* context, bool has_tensor, const char* reason);
  Answer (*scale_choice)(void* context, const ScaleChoice* choice);
};

/// [tokens] ids and positions; `types` null where the model has none; [sequences + 1] offsets.
struct BatchView {
  const int32_t *ids, *types, *positions, *offsets;
  size_t tokens, sequences;
};

struct Readers {
  const Linear* const* linears;
  size_t count;
  bool plain;
};

struct Attention {
  size_t heads, head_size;
  float scale;
  const Table* bias;  ///< Or null.
  size_t span;
};

/// Every function takes a `failure` that is not null. Which thread may call which is as in backend.h.
struct Functions {
  uint32_t version;

  /// Looks at driver and devices, and where `paths` is not null opens the libraries. That there is nothing is
  /// an answer, not a failure.
  Status (*report)(const LibraryPaths* paths, const ReportSink* sink, Report* report, Failure* failure);

  /// What there is once of a device, for any number of backends: libraries, streams, memory. One thread at a
  /// time uses it and what was made of it; all of that is given back before it is closed.
  Status (*open)(int32_t index, const LibraryPaths* paths, Device** device, Failure* failure);
  void (*close)(Device* device);

  /// Of one encoder.
  Status (*backend)(Device* device, Backend** backend, Failure* failure);
  void (*destroy_backend)(Backend* backend);
  /// At most `capacity` bytes with the zero at the end.
  Status (*name)(const Backend* backend, char* name, size_t capacity, Failure* failure);
  size_t (*pass_tokens)(const Backend* backend);
  /// Around work whose seconds on the device are wanted; the second one waits.
  Status (*start_clock)(Backend* backend, Failure* failure);
  Status (*stop_clock)(Backend* backend, double* seconds, Failure* failure);

  Status (*pack)(Backend* backend, const LinearWeights* weights, Linear** linear, Failure* failure);
  /// See Backend::tune.
  Status (*tune)(Backend* backend, const LinearUse* uses, size_t count, size_t most_tokens,
                 const Tuning* tuning, Failure* failure);
  Status (*describe)(const Linear* linear, const LinearSink* sink, Failure* failure);
  size_t (*nonzeros)(const Linear* linear);
  void (*hold_dense)(Linear* linear, bool hold);
  /// `tokens` as in Choice.
  Status (*revert)(Linear* linear, size_t tokens, const char* reason, Failure* failure);
  void (*settle)(Linear* linear);
  Status (*calibrate)(Linear* linear, const Calibration* seen, Failure* failure);
  /// A Scaling, or -1 for what was chosen.
  void (*hold_scaling)(Linear* linear, int32_t scaling);
  void (*destroy_linear)(Linear* linear);

  Status (*table)(Backend* backend, const MatrixSource* values, Table** table, Failure* failure);
  size_t (*table_bytes)(const Table* table);
  void (*destroy_table)(Table* table);

  Status (*norm)(Backend* backend, const float* gain, const float* bias, size_t width, float epsilon,
                 Norm** norm, Failure* failure);
  size_t (*norm_bytes)(const Norm* norm);
  void (*destroy_norm)(Norm* norm);

  Status (*batch)(Backend* backend, const BatchView* view, Batch** batch, Failure* failure);
  void (*destroy_batch)(Batch* batch);

  Status (*activations)(Backend* backend, size_t tokens, size_t width, const Readers* readers,
                        Activations** activations, Failure* failure);
  size_t (*tokens)(const Activations* activations);
  size_t (*width)(const Activations* activations);
  void (*destroy_activations)(Activations* activations);

  /// See Backend::repeat. `body` leaves the handle that it made in `made`.
  Status (*repeat)(Backend* backend, const Batch* batch, void* context,
                   Answer (*body)(void* context, Activations** made), Activations** result, Failure* failure);

  /// `type` may be null.
  Status (*embed)(Backend* backend, const Batch* batch, const Table* word, const Table* position,
                  const Table* type, const Norm* norm, Activations* out, Failure* failure);
  /// `residual` may be null.
  Status (*linear)(Backend* backend, const Linear* linear, const Activations* in, uint8_t activation,
                   const Activations* residual, Activations* out, Failure* failure);
  Status (*layer_norm)(Backend* backend, const Activations* in, const Norm* norm, Activations* out,
                       Failure* failure);
  Status (*attention)(Backend* backend, const Batch* batch, const Activations* in, const Attention* attention,
                      Activations* out, Failure* failure);
  Status (*gather)(Backend* backend, const Activations* in, const int32_t* rows, size_t count,
                   Activations* out, Failure* failure);
  Status (*pool)(Backend* backend, const Batch* batch, const Activations* in, uint8_t pooling, bool normalize,
                 uint32_t skip, Activations* out, Failure* failure);
  Status (*upload)(Backend* backend, const float* values, size_t count, Activations* out, Failure* failure);
  Status (*download)(Backend* backend, const Activations* in, float* out, size_t count, Failure* failure);
  Status (*largest)(Backend* backend, const Activations* in, float* largest, Failure* failure);
};

/// The type of the one exported function. Null for a version that the library does not have.
using Entry = const Functions* (*)(uint32_t version);

}  // namespace twofour::plugin
