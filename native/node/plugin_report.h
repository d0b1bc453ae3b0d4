#pragma once
#include <optional>
#include <string>
#include <vector>

#include "node/plugin_loader.h"

namespace twofour::node {

/// Files of the libraries that a plugin opens; empty: none was found.
struct CudaLibraries {
  std::string cublaslt, cusparselt;
  plugin::LibraryPaths view() const { return {cublaslt.c_str(), cusparselt.c_str()}; }
};

/// What the structs of the same names in backend/plugin.h say, kept.
struct CudaReport {
  struct Device {
    int index;
    std::string name;
    int major, minor;
    uint64_t memory;
    bool available;
    std::string code, reason;
  };
  struct Library {
    std::string name, path, version;
    bool usable;
    std::string code, sentence;
  };
  bool emulated = false;
  int runtime_version = 0, driver_version = 0;
  std::string minimum_driver, code, reason;
  std::vector<Device> devices;
  std::vector<Library> libraries;
};

/// Opens the libraries where they are given. Throws Error where the plugin cannot say.
CudaReport report_of(const plugin::Functions& functions, const std::optional<CudaLibraries>& libraries);

}  // namespace twofour::node
