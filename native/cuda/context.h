#pragma once
#include "cuda/shared_device.h"

namespace twofour::cuda {

/// What everything of one encoder shares: the device, which other encoders may use too, and the count of what
/// changed in this one. One thread at a time.
class Context {
 public:
  /// `device` is borrowed.
  explicit Context(SharedDevice& device) : device_(device) {}

  /// Another number means that memory was freed, or that something changed which of this encoder's forms run:
  /// what was recorded before is void.
  uint64_t state() const { return changes_ + device_.memory().frees(); }
  void change() { ++changes_; }

  // The device's: see there.
  void enter() const { device_.enter(); }
  void enter_quietly() const noexcept { device_.enter_quietly(); }
  const CublasLt& dense() const { return device_.dense(); }
  cublasLtHandle_t dense_handle() const { return device_.dense_handle(); }
  const CusparseLt* sparse() const { return device_.sparse(); }
  const cusparseLtHandle_t& sparse_handle() const { return device_.sparse_handle(); }
  const std::string& why_no_sparse() const { return device_.why_no_sparse(); }
  Stream stream() const { return device_.stream(); }
  Arena& memory() { return device_.memory(); }
  Transfers& transfers() { return device_.transfers(); }
  Workspace workspace(size_t bytes) { return device_.workspace(bytes); }
  const int32_t* count(size_t rows) { return device_.count(rows); }
  const float* ones(size_t count) { return device_.ones(count); }
  const std::string& name() const { return device_.name(); }
  size_t cache_bytes() const { return device_.cache_bytes(); }
  int compute_capability() const { return device_.compute_capability(); }

 private:
  SharedDevice& device_;
  uint64_t changes_ = 0;
};

}  // namespace twofour::cuda
