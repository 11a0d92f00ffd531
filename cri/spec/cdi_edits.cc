// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/cdi_edits.h"

#include <linux/mount.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "base/keep_last.h"
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
  step.source_must_exist = true;  // a missing file of a vendor's is an error, never made as a directory
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

// Appends to the lists of the plan: what an edit replaces is removed once, after all edits.
Result<> Append(const cdi::Edits& edits, shim::ContainerPlan& plan) {
  plan.process.env.insert(plan.process.env.end(), edits.env.begin(), edits.env.end());
  for (const cdi::DeviceNode& node : edits.device_nodes)
    plan.devices.push_back(TRY(StepOf(node, plan.process.user)));
  for (const cdi::Mount& mount : edits.mounts) plan.mounts.push_back(TRY(StepOf(mount)));
  std::vector<uint32_t>& groups = plan.process.user.supplementary;
  groups.insert(groups.end(), edits.additional_gids.begin(), edits.additional_gids.end());
  return {};
}

void RemoveReplaced(shim::ContainerPlan& plan) {
  SetVariables(plan.process.env, {});
  KeepLastOfEachKey(plan.devices, Place::kOfTheLast,
                    [](const shim::DeviceStep& step) -> const std::string& { return step.path; });
  KeepLastOfEachKey(plan.mounts, Place::kOfTheLast,
                    [](const shim::MountStep& step) -> const std::string& { return step.target; });
  KeepLastOfEachKey(plan.process.user.supplementary, Place::kOfTheFirst, std::identity());
}

}  // namespace

Result<> ApplyCdiEdits(const std::vector<cdi::Edits>& edits, shim::ContainerPlan& plan) {
  if (edits.empty()) return {};
  for (const cdi::Edits& one : edits) TRY(Append(one, plan));
  RemoveReplaced(plan);
  plan.mounts = SortedByDepth(std::move(plan.mounts));
  plan.root_propagation = RootPropagation(plan.mounts);
  return {};
}

}  // namespace davit::cri
