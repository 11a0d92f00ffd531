// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// This host, for davit info and davit version.
#pragma once

#include <cstdint>
#include <string>

namespace davit::cli {

// What cannot be found out is empty or 0.
struct HostInfo {
  std::string name;
  std::string kernel;          // "6.1.0"
  std::string architecture;    // "x86_64"
  std::string system;          // PRETTY_NAME of os-release(5)
  std::string cgroup_version;  // "1" or "2"
  int64_t cpus = 0;
  uint64_t memory_bytes = 0;
};

HostInfo ReadHostInfo();

}  // namespace davit::cli
