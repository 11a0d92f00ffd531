// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/spec/mounts.h"

#include <linux/mount.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/keep_last.h"
#include "cri/spec/field.h"
#include "cri/spec/user_namespace.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

constexpr uint64_t kInert = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

shim::MountStep Filesystem(shim::MountKind kind, std::string target, uint64_t attributes,
                           std::string options = "") {
  shim::MountStep step;
  step.kind = kind;
  step.target = std::move(target);
  step.options = std::move(options);
  step.attributes = attributes;
  return step;
}

// A file or directory that the daemon made.
shim::MountStep OurBind(std::string source, std::string target, bool read_only, const shim::IdMap& ids) {
  shim::MountStep step;
  step.kind = shim::MountKind::kBind;
  step.source = std::move(source);
  step.target = std::move(target);
  step.attributes = read_only ? MOUNT_ATTR_RDONLY : 0;
  step.recursive_bind = false;
  step.source_must_exist = true;
  step.ids = ids;
  return step;
}

// The group tty of nearly every image, as the host counts: devpts is mounted from outside the user namespace.
std::string TerminalGroup(const shim::IdMap& ids) {
  constexpr uint32_t kTty = 5;
  if (ids.empty()) return ",gid=" + std::to_string(kTty);
  return ids.gids.length > kTty ? ",gid=" + std::to_string(ids.gids.outside + kTty) : "";
}

// What the runtime specification calls default filesystems, with the options that every runtime gives them.
std::vector<shim::MountStep> DefaultMounts(const v1::LinuxContainerSecurityContext& context,
                                           const PodFiles& files, const shim::IdMap& ids) {
  uint64_t kernel = kInert | (context.privileged() ? 0 : MOUNT_ATTR_RDONLY);
  bool read_only = context.readonly_rootfs();
  return {
      Filesystem(shim::MountKind::kProc, "/proc", kInert),
      Filesystem(shim::MountKind::kTmpfs, "/dev", MOUNT_ATTR_NOSUID, "mode=755,size=65536k"),
      Filesystem(shim::MountKind::kDevpts, "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
                 "newinstance,ptmxmode=0666,mode=0620" + TerminalGroup(ids)),
      Filesystem(shim::MountKind::kShm, "/dev/shm", kInert),
      Filesystem(shim::MountKind::kMqueue, "/dev/mqueue", kInert),
      Filesystem(shim::MountKind::kSysfs, "/sys", kernel),
      Filesystem(shim::MountKind::kCgroup, "/sys/fs/cgroup", kernel),
      OurBind(files.hostname, "/etc/hostname", read_only, ids),
      OurBind(files.hosts, "/etc/hosts", read_only, ids),
      OurBind(files.resolv_conf, "/etc/resolv.conf", read_only, ids),
  };
}

Result<shim::Propagation> PropagationOf(const v1::Mount& mount) {
  switch (mount.propagation()) {
    case v1::PROPAGATION_PRIVATE:
      return shim::Propagation::kPrivate;
    case v1::PROPAGATION_HOST_TO_CONTAINER:
      return shim::Propagation::kSlave;
    case v1::PROPAGATION_BIDIRECTIONAL:
      return shim::Propagation::kShared;
    default:
      return BadField("mounts.propagation", std::to_string(mount.propagation()),
                      "is not a known propagation");
  }
}

Result<uint64_t> AttributesOf(const v1::Mount& mount) {
  static constexpr std::pair<std::string_view, uint64_t> kOptions[] = {
      {"noexec", MOUNT_ATTR_NOEXEC}, {"nosuid", MOUNT_ATTR_NOSUID}, {"nodev", MOUNT_ATTR_NODEV}};
  uint64_t attributes = mount.readonly() ? MOUNT_ATTR_RDONLY : 0;
  for (const std::string& option : mount.mount_options()) {
    auto known = std::ranges::find(kOptions, option, &std::pair<std::string_view, uint64_t>::first);
    if (known == std::end(kOptions)) return BadField("mounts.mount_options", option, "is not a known option");
    attributes |= known->second;
  }
  return attributes;
}

const std::string& TargetOfStep(const shim::MountStep& step) {
  return step.target;
}

Result<std::string> TargetOf(const v1::Mount& mount) {
  std::string target = TRY(CleanAbsolutePath("mounts.container_path", mount.container_path()));
  if (target == "/") return BadField("mounts.container_path", mount.container_path(), "is the root");
  return target;
}

Result<> CheckRecursiveReadOnly(const v1::Mount& mount) {
  if (!mount.recursive_read_only()) return {};
  constexpr std::string_view kField = "mounts.recursive_read_only";
  if (!mount.readonly()) return BadField(kField, mount.container_path(), "needs readonly");
  if (mount.propagation() != v1::PROPAGATION_PRIVATE) {
    return BadField(kField, mount.container_path(), "needs private propagation");
  }
  return {};
}

Result<shim::MountStep> RequestedMount(const v1::Mount& mount, const MountInputs& inputs) {
  TRY(CheckRecursiveReadOnly(mount));
  shim::MountStep step;
  step.kind = shim::MountKind::kBind;
  step.source = TRY(CleanAbsolutePath("mounts.host_path", mount.host_path()));
  step.target = TRY(TargetOf(mount));
  step.attributes = TRY(AttributesOf(mount));
  step.recursive_bind = true;
  step.source_must_exist = inputs.required_sources.contains(mount.container_path());
  step.recursive_attributes = mount.recursive_read_only();
  step.propagation = TRY(PropagationOf(mount));
  step.ids = TRY(MountIds(mount));
  if (step.propagation == shim::Propagation::kShared && !inputs.ids.empty()) {
    return BadField("mounts.propagation", mount.container_path(),
                    "Bidirectional propagation cannot leave a user namespace");
  }
  return step;
}

// A relative path that stays where it begins; the kubelet's rules for a subPath.
Result<> CheckSubPath(const std::string& path) {
  std::filesystem::path parts(path);
  bool leaves = std::ranges::find(parts, "..") != parts.end();
  if (parts.is_absolute() || leaves || path.find('\0') != std::string::npos) {
    return BadField("mounts.image_sub_path", path, "is not a relative path without ..");
  }
  return {};
}

// Files of an image are looked at, not executed and not changed.
Result<shim::MountStep> RequestedImage(const v1::Mount& mount, uint32_t number) {
  if (!mount.host_path().empty())
    return BadField("mounts.host_path", mount.host_path(), "is given together with an image");
  if (mount.propagation() != v1::PROPAGATION_PRIVATE)
    return BadField("mounts.propagation", mount.container_path(), "an image volume does not propagate");
  if (number >= kMaxImageVolumes)
    return BadField("mounts.image", mount.image().image(), "is one image volume too many");
  TRY(CheckSubPath(mount.image_sub_path()));
  shim::MountStep step;
  step.kind = shim::MountKind::kImage;
  step.source = mount.image_sub_path();
  step.target = TRY(TargetOf(mount));
  step.attributes = TRY(AttributesOf(mount)) | kInert | MOUNT_ATTR_RDONLY;
  step.recursive_bind = false;
  step.image = number;
  return step;
}

Result<shim::MountStep> RequestedTmpfs(const TmpfsRequest& tmpfs) {
  std::string target = TRY(CleanAbsolutePath("tmpfs", tmpfs.target));
  if (target == "/") return BadField("tmpfs", tmpfs.target, "is the root");
  return Filesystem(shim::MountKind::kTmpfs, std::move(target), tmpfs.attributes, tmpfs.options);
}

Result<std::vector<shim::MountStep>> RequestedMounts(const MountInputs& inputs) {
  std::vector<shim::MountStep> steps;
  uint32_t images = 0;
  for (const v1::Mount& mount : inputs.config.mounts()) {
    if (!mount.has_image()) {
      steps.push_back(TRY(RequestedMount(mount, inputs)));
      continue;
    }
    Result<shim::MountStep> image = RequestedImage(mount, images++);
    if (!image) return std::unexpected(WithReason(Reason::kImageVolumeMountFailed, image.error()));
    steps.push_back(std::move(*image));
  }
  for (const TmpfsRequest& tmpfs : inputs.tmpfs) steps.push_back(TRY(RequestedTmpfs(tmpfs)));
  return steps;
}

// A relative path is one below the root, as in other runtimes.
Result<std::vector<shim::MountStep>> DeclaredVolumes(const std::vector<std::string>& paths) {
  std::vector<shim::MountStep> steps;
  for (const std::string& path : paths) {
    std::string target = TRY(CleanAbsolutePath("image.volumes", "/" + path));
    if (target == "/") return BadField("image.volumes", path, "is the root");
    steps.push_back(Filesystem(shim::MountKind::kVolume, std::move(target), /*attributes=*/0));
  }
  KeepLastOfEachKey(steps, Place::kOfTheFirst, TargetOfStep);
  return steps;
}

// They refer to the mounts.
std::set<std::string_view> TargetsOf(const std::vector<shim::MountStep>& mounts) {
  std::set<std::string_view> targets;
  for (const shim::MountStep& step : mounts) targets.insert(step.target);
  return targets;
}

// Takes out of `mounts` what others with these targets replace.
void GiveWay(std::vector<shim::MountStep>& mounts, const std::set<std::string_view>& targets) {
  bool replaces_dev = targets.contains("/dev");
  std::erase_if(mounts, [&](const shim::MountStep& step) {
    return targets.contains(step.target) || (replaces_dev && step.target.starts_with("/dev/"));
  });
}

}  // namespace

std::vector<shim::MountStep> SortedByDepth(std::vector<shim::MountStep> mounts) {
  std::multimap<ptrdiff_t, shim::MountStep> by_depth;  // equal keys stay in the order of their insertion
  for (shim::MountStep& step : mounts) {
    ptrdiff_t depth = std::ranges::count(step.target, '/');
    by_depth.emplace(depth, std::move(step));
  }
  mounts.clear();
  for (auto& [depth, step] : by_depth) mounts.push_back(std::move(step));
  return mounts;
}

Result<std::vector<shim::MountStep>> ContainerMounts(const MountInputs& inputs) {
  std::vector<shim::MountStep> requested = TRY(RequestedMounts(inputs));
  std::vector<shim::MountStep> volumes = TRY(DeclaredVolumes(inputs.volumes));
  std::vector<shim::MountStep> mounts =
      DefaultMounts(inputs.config.linux().security_context(), inputs.files, inputs.ids);
  const std::set<std::string_view> replaced = TargetsOf(requested);
  GiveWay(mounts, TargetsOf(volumes));
  GiveWay(mounts, replaced);
  GiveWay(volumes, replaced);
  mounts.insert(mounts.end(), volumes.begin(), volumes.end());
  mounts.insert(mounts.end(), requested.begin(), requested.end());
  return SortedByDepth(std::move(mounts));
}

shim::Propagation RootPropagation(const std::vector<shim::MountStep>& mounts) {
  shim::Propagation widest = shim::Propagation::kPrivate;
  for (const shim::MountStep& step : mounts) widest = std::max(widest, step.propagation);
  return widest;
}

}  // namespace davit::cri
