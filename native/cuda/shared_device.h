#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cuda/arena.h"
#include "cuda/libraries.h"
#include "cuda/product.h"
#include "cuda/transfers.h"

namespace twofour::cuda {

struct DeviceSettings {
  int index = 0;
  /// Files to open, or names left to the loader; empty: none was found.
  std::string cublaslt, cusparselt;
};

/// What there is once of a device, however many encoders are on it: libraries and their handles, stream,
/// memory. One thread at a time uses it and them; it outlives them.
class SharedDevice {
 public:
  /// A device that check_device has passed. Throws Error DEVICE_UNAVAILABLE without a cuBLASLt that can be
  /// used (without cuSPARSELt everything runs dense, and says why), and what `check` throws.
  explicit SharedDevice(const DeviceSettings& settings);
  ~SharedDevice();
  SharedDevice(const SharedDevice&) = delete;
  SharedDevice& operator=(const SharedDevice&) = delete;

  /// Makes the calling thread use the device: the first thing that every verb does.
  void enter() const;
  /// The same where nothing may be thrown.
  void enter_quietly() const noexcept;

  const CublasLt& dense() const { return cublaslt_.functions; }
  cublasLtHandle_t dense_handle() const { return dense_handle_.get(); }
  /// Null where there is no cuSPARSELt that can be used; `why_no_sparse` says why.
  const CusparseLt* sparse() const { return has_sparse_ ? &cusparselt_.functions : nullptr; }
  const cusparseLtHandle_t& sparse_handle() const { return sparse_handle_; }
  const std::string& why_no_sparse() const { return why_no_sparse_; }

  Stream stream() const { return stream_.stream; }
  Arena& memory() { return memory_; }
  Transfers& transfers() { return transfers_; }
  /// Scratch memory of `bytes`, or of the usual size where that is more: always as much for one question,
  /// whatever others asked for. Valid until more is asked for.
  Workspace workspace(size_t bytes);

  /// A number of rows on the device. Constant memory, so that no launch waits for a copy.
  const int32_t* count(size_t rows);
  /// That many fp32 ones on the device, which stay there.
  const float* ones(size_t count);

  const std::string& name() const { return name_; }
  /// Bytes of the level-2 cache.
  size_t cache_bytes() const { return cache_bytes_; }
  /// 90 is 9.0.
  int compute_capability() const { return compute_capability_; }

 private:
  /// A stream of its own, on the device.
  struct OwnStream {
    explicit OwnStream(int device);
    ~OwnStream();
    OwnStream(const OwnStream&) = delete;
    OwnStream& operator=(const OwnStream&) = delete;
    Stream stream = nullptr;
  };
  using DenseHandle = std::unique_ptr<cublasLtContext, cublasStatus_t (*)(cublasLtContext*)>;

  int index_;
  OwnStream stream_;
  std::string name_;
  size_t cache_bytes_ = 0;
  int compute_capability_ = 0;
  Library<CublasLt> cublaslt_;
  Library<CusparseLt> cusparselt_;
  DenseHandle dense_handle_;
  cusparseLtHandle_t sparse_handle_{};
  bool has_sparse_ = false;
  std::string why_no_sparse_;
  Arena memory_{Arena::Place::device, index_, stream_.stream},
      pinned_{Arena::Place::pinned, index_, stream_.stream};
  Transfers transfers_{stream_.stream, pinned_};
  Arena::Block workspace_;
  /// The last has all numbers so far; what holds a pointer into a former one goes on reading it.
  std::vector<Arena::Block> counts_, ones_;
  size_t workspace_bytes_ = 0, counts_size_ = 0, ones_size_ = 0;
};

}  // namespace twofour::cuda
