// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/host_info.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "base/file_io.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

std::string SystemName() {
  constexpr std::string_view kKey = "PRETTY_NAME=";
  for (std::string line : Split(ReadFile("/etc/os-release").value_or(""), '\n')) {
    if (!line.starts_with(kKey)) continue;
    line.erase(0, kKey.size());
    bool quoted = line.size() >= 2 && line.front() == '"' && line.back() == '"';
    return quoted ? line.substr(1, line.size() - 2) : line;
  }
  return "";
}

}  // namespace

HostInfo ReadHostInfo() {
  HostInfo info;
  utsname name{};
  if (uname(&name) == 0) {
    info.name = name.nodename;
    info.kernel = name.release;
    info.architecture = name.machine;
  }
  info.system = SystemName();
  struct statfs cgroups{};
  if (statfs("/sys/fs/cgroup", &cgroups) == 0)
    info.cgroup_version = static_cast<uint64_t>(cgroups.f_type) == CGROUP2_SUPER_MAGIC ? "2" : "1";
  info.cpus = get_nprocs();
  struct sysinfo memory{};
  if (sysinfo(&memory) == 0) info.memory_bytes = uint64_t{memory.totalram} * memory.mem_unit;
  return info;
}

}  // namespace davit::cli
