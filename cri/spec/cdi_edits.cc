// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/cdi_edits.h"

#include <linux/mount.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "cri/spec/devices.h"
#include "cri/spec/field.h"
#include "cri/spec/mounts.h"
#include "cri/spec/process_plan.h"

namespace davit::cri {
namespace {

// A uid or gid of 0, or one that is looked up in the image, leaves the node to root.
uint32_t OwnerOf(const std::optional<uint32_t>& wanted, const std::optional<uint32_t>& user) {
  return wanted.value_or(user.value_or(0));
}

Result<shim::DeviceStep> NodeOnHost(const cdi::DeviceNode& node) {
  return DeviceAt(node.host_path.empty() ? node.path : node.host_path, node.path);
}

Result<shim::DeviceStep> StepOf(const cdi::DeviceNode& node, const shim::UserSpec& user) {
  shim::DeviceStep step;
  bool complete = !node.type.empty() && (node.type == "p" || node.major.value_or(0) != 0);
  if (!complete) step = TRY(NodeOnHost(node));
  step.path = TRY(CleanAbsolutePath("CDI deviceNodes.path", node.path));
  // "u" is a character device by its old name (mknod(1)).
  if (!node.type.empty()) step.type = node.type == "u" ? 'c' : node.type[0];
  if (node.major.value_or(0) != 0) step.major = *node.major;
  if (node.minor.value_or(0) != 0) step.minor = *node.minor;
  if (node.mode) step.mode = *node.mode & 07777;
  if (!node.permissions.empty()) step.access = node.permissions;
  step.uid = OwnerOf(node.uid, user.uid);
  step.gid = OwnerOf(node.gid, user.gid);
  return step;
}

struct Option {
  std::string_view name;
  uint64_t set = 0;
  uint64_t clear = 0;
};

constexpr Option kFlags[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},       {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},   {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},     {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},   {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"noatime", MOUNT_ATTR_NOATIME, 0}, {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
};

constexpr std::pair<std::string_view, shim::Propagation> kPropagations[] = {
    {"private", shim::Propagation::kPrivate}, {"rprivate", shim::Propagation::kPrivate},
    {"slave", shim::Propagation::kSlave},     {"rslave", shim::Propagation::kSlave},
    {"shared", shim::Propagation::kShared},   {"rshared", shim::Propagation::kShared},
};

// True when it was one of the options that any mount has.
bool TakeCommonOption(const std::string& option, shim::MountStep& step) {
  if (auto flag = std::ranges::find(kFlags, option, &Option::name); flag != std::end(kFlags)) {
    step.attributes = (step.attributes | flag->set) & ~flag->clear;
    return true;
  }
  auto propagation =
      std::ranges::find(kPropagations, option, &std::pair<std::string_view, shim::Propagation>::first);
  if (propagation == std::end(kPropagations)) return false;
  step.propagation = propagation->second;
  return true;
}

Result<shim::MountStep> StepOf(const cdi::Mount& mount) {
  shim::MountStep step;
  step.target = TRY(CleanAbsolutePath("CDI mounts.containerPath", mount.container_path));
  if (step.target == "/") return BadField("CDI mounts.containerPath", mount.container_path, "is the root");
  bool tmpfs = mount.type == "tmpfs";
  bool bind = mount.type.empty() || mount.type == "none" || mount.type == "bind";
  if (!tmpfs && !bind) return BadField("CDI mounts.type", mount.type, "is neither bind nor tmpfs");
  step.kind = tmpfs ? shim::MountKind::kTmpfs : shim::MountKind::kBind;
  if (bind) step.source = TRY(CleanAbsolutePath("CDI mounts.hostPath", mount.host_path));
  step.source_is_ours = true;  // a missing file of a vendor's is an error, never made as a directory
  step.recursive_bind = false;
  for (const std::string& option : mount.options) {
    if (TakeCommonOption(option, step)) continue;
    if (bind && (option == "bind" || option == "rbind")) {
      step.recursive_bind = option == "rbind";
    } else if (tmpfs && option.find('=') != std::string::npos) {
      step.options += (step.options.empty() ? "" : ",") + option;
    } else {
      return BadField("CDI mounts.options", option, "is not a known option");
    }
  }
  return step;
}

Result<> Apply(const cdi::Edits& edits, shim::ContainerPlan& plan) {
  SetVariables(plan.process.env, edits.env);
  for (const cdi::DeviceNode& node : edits.device_nodes) {
    shim::DeviceStep step = TRY(StepOf(node, plan.process.user));
    std::erase_if(plan.devices, [&step](const shim::DeviceStep& other) { return other.path == step.path; });
    plan.devices.push_back(std::move(step));
  }
  for (const cdi::Mount& mount : edits.mounts) {
    shim::MountStep step = TRY(StepOf(mount));
    std::erase_if(plan.mounts, [&step](const shim::MountStep& other) { return other.target == step.target; });
    plan.mounts.push_back(std::move(step));
  }
  std::vector<uint32_t>& groups = plan.process.user.supplementary;
  for (uint32_t gid : edits.additional_gids) {
    if (std::ranges::find(groups, gid) == groups.end()) groups.push_back(gid);
  }
  return {};
}

}  // namespace

Result<> ApplyCdiEdits(const std::vector<cdi::Edits>& edits, shim::ContainerPlan& plan) {
  if (edits.empty()) return {};
  for (const cdi::Edits& one : edits) TRY(Apply(one, plan));
  plan.mounts = SortedByDepth(std::move(plan.mounts));
  plan.root_propagation = RootPropagation(plan.mounts);
  return {};
}

}  // namespace davit::cri
