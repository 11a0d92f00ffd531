// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Specification files of the Container Device Interface
// (https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace davit::cri::cdi {

struct DeviceNode {
  std::string path;       // in the container
  std::string host_path;  // empty: same as `path`
  std::string type;       // "c", "b", "u" or "p"; empty: as on the host
  std::optional<uint32_t> major;
  std::optional<uint32_t> minor;
  std::optional<uint32_t> mode;
  std::string permissions;  // for the cgroup device filter: a subset of "rwm"; empty: all
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
};

struct Mount {
  std::string host_path;
  std::string container_path;
  std::string type;  // empty: a bind mount
  std::vector<std::string> options;
};

// The changes that a device makes to a container.
struct Edits {
  std::vector<std::string> env = {};  // "NAME=value"
  std::vector<DeviceNode> device_nodes = {};
  std::vector<Mount> mounts = {};
  std::vector<uint32_t> additional_gids = {};
  // Names an edit that Davit does not support; a device that needs it cannot be injected. Empty: none.
  std::string unsupported = {};
};

struct Device {
  std::string name;
  Edits edits;
};

struct Spec {
  std::string file;
  std::string kind;  // "vendor.com/class"
  std::vector<Device> devices;
  Edits edits;  // applied once if any device of the file is used
};

enum class Syntax { kJson, kYaml };

// kInvalidArgument, naming file, field and value, for everything that the specification does not allow. This
// includes unknown versions and fields: an edit that is not understood must not be ignored silently.
Result<Spec> ParseSpec(const std::string& file, Syntax syntax, std::string_view text);

// Splits "vendor.com/class=device" into its two parts. kInvalidArgument if the name is malformed.
struct QualifiedName {
  std::string kind;
  std::string device;
};
Result<QualifiedName> ParseQualifiedName(const std::string& name);

}  // namespace davit::cri::cdi
