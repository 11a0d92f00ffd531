// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "local/volume_plan.h"

#include <limits.h>

#include <filesystem>
#include <set>
#include <string>

#include "base/ids.h"

namespace davit::local {
namespace {

namespace api = ::davit::v1;

// "/a//b/../c/" is "/a/c".
std::string CleanTarget(const std::string& path) {
  std::string clean = path.starts_with('/') ? path : "/" + path;
  clean = std::filesystem::path(clean).lexically_normal().string();
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  return clean;
}

std::set<std::string> TargetsOf(const api::ContainerSpec& spec, const std::vector<VolumeUse>& volumes) {
  std::set<std::string> targets;
  for (const api::BindMount& mount : spec.mounts()) targets.insert(CleanTarget(mount.target()));
  for (const api::VolumeMount& mount : spec.volumes()) targets.insert(CleanTarget(mount.target()));
  for (const api::TmpfsMount& mount : spec.tmpfs()) targets.insert(CleanTarget(mount.target()));
  for (const VolumeUse& use : volumes) targets.insert(use.target);
  return targets;
}

class Plan {
 public:
  explicit Plan(const api::ContainerSpec& spec) : spec_(spec) {}

  Result<std::vector<VolumeUse>> Make(const images::ImageConfig& image, const std::vector<VolumeUse>& taken) {
    for (const api::BindMount& mount : spec_.mounts()) TRY(Occupy(mount.target()));
    for (const api::TmpfsMount& mount : spec_.tmpfs()) TRY(Occupy(mount.target()));
    for (const api::VolumeMount& volume : spec_.volumes()) {
      std::string target = TRY(Occupy(volume.target()));
      TRY(Add({volume.volume(), target, volume.read_only(), volume.no_copy()}));
    }
    for (const VolumeUse& use : taken) {
      TRY(Occupy(use.target));
      TRY(Add(use));
    }
    // A relative path is one below the root, as for the kubelet's containers.
    for (const std::string& path : image.volumes) {
      std::string target = CleanTarget(path);
      if (target == "/") return Fail(Code::kInvalidArgument, "image.volumes", path, "is the root");
      if (targets_.insert(target).second) TRY(Add({"", target}));
    }
    return std::move(uses_);
  }

 private:
  Result<std::string> Occupy(const std::string& path) {
    std::string target = CleanTarget(path);
    if (target == "/")
      return Fail(Code::kInvalidArgument, "mount", path, "invalid specification: destination can't be '/'");
    if (targets_.insert(target).second) return target;
    return Fail(Code::kInvalidArgument, "mount", target, "Duplicate mount point");
  }

  Result<> Add(VolumeUse use) {
    if (use.target.size() >= PATH_MAX || use.target.find('\0') != std::string::npos)
      return Fail(Code::kInvalidArgument, "mount", use.target.substr(0, PATH_MAX), "is not a path");
    if (uses_.size() >= kMostVolumesOfContainer) {
      return Fail(Code::kInvalidArgument, "mount", use.target,
                  "is one volume too many; a container has at most " +
                      std::to_string(kMostVolumesOfContainer) + ", with those of its image");
    }
    if (use.volume.empty()) {
      use.anonymous = true;
      use.volume = TRY(NewId());
    }
    uses_.push_back(std::move(use));
    return {};
  }

  const api::ContainerSpec& spec_;
  std::set<std::string> targets_;
  std::vector<VolumeUse> uses_;
};

}  // namespace

void TakeMounts(const MountSource& from, api::ContainerSpec& spec, std::vector<VolumeUse>& volumes) {
  std::set<std::string> targets = TargetsOf(spec, volumes);
  for (const api::BindMount& mount : from.spec.mounts()) {
    if (!targets.insert(CleanTarget(mount.target())).second) continue;
    api::BindMount& taken = *spec.add_mounts();
    taken = mount;
    taken.set_read_only(mount.read_only() || from.read_only);
  }
  for (const VolumeUse& use : from.volumes) {
    if (!targets.insert(use.target).second) continue;
    VolumeUse& taken = volumes.emplace_back(use);
    taken.read_only = use.read_only || from.read_only;
    taken.no_copy = taken.must_exist = true;
  }
}

Result<std::vector<VolumeUse>> PlanVolumes(const api::ContainerSpec& spec, const images::ImageConfig& image,
                                           const std::vector<VolumeUse>& taken) {
  return Plan(spec).Make(image, taken);
}

}  // namespace davit::local
