#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/thread_pool.h"

namespace twofour::node {

/// Names that make_backend knows.
std::vector<std::string> backend_names();

/// The only place that names concrete backends. `pool` must outlive the backend.
/// Throws Error DEVICE_UNAVAILABLE with the reason.
std::unique_ptr<Backend> make_backend(const std::string& name, ThreadPool& pool);

}  // namespace twofour::node
