// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Files that describe devices of a vendor in the terms of the Container Device Interface
// (https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace davit::cdi {

struct DeviceNode {
  std::string path;       // in the container
  std::string host_path;  // empty: the same
  std::string type;       // "c", "b", "u" or "p"; empty: as on the host
  std::optional<uint32_t> major;
  std::optional<uint32_t> minor;
  std::optional<uint32_t> mode;
  std::string permissions;  // of the cgroup's filter: some of "rwm"; empty: all
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
};

struct Mount {
  std::string host_path;
  std::string container_path;
  std::string type;  // empty: a bind mount
  std::vector<std::string> options;
};

// What a device changes in a container.
struct Edits {
  std::vector<std::string> env = {};  // "NAME=value"
  std::vector<DeviceNode> device_nodes = {};
  std::vector<Mount> mounts = {};
  std::vector<uint32_t> additional_gids = {};
  // What Davit does not do. A device that needs one of these cannot be injected: the text names it.
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
  Edits edits;  // for every device of the file, once
};

enum class Syntax { kJson, kYaml };

// kInvalidArgument naming file, field and value for everything that the specification does not allow: unknown
// versions and fields included, for an edit that is not understood must not be left out silently.
Result<Spec> ParseSpec(const std::string& file, Syntax syntax, std::string_view text);

// "vendor.com/class=device" in its two parts. kInvalidArgument when it is not such a name.
struct QualifiedName {
  std::string kind;
  std::string device;
};
Result<QualifiedName> ParseQualifiedName(const std::string& name);

}  // namespace davit::cdi
