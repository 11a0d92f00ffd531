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

class Plan {
 public:
  explicit Plan(const api::ContainerSpec& spec) : spec_(spec) {}

  Result<std::vector<VolumeUse>> Make(const images::ImageConfig& image) {
    for (const api::BindMount& mount : spec_.mounts()) TRY(Occupy(mount.target()));
    for (const api::TmpfsMount& mount : spec_.tmpfs()) TRY(Occupy(mount.target()));
    for (const api::VolumeMount& volume : spec_.volumes()) {
      std::string target = TRY(Occupy(volume.target()));
      TRY(Add({volume.volume(), target, volume.read_only(), volume.no_copy()}));
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
    use.anonymous = use.volume.empty();
    if (use.anonymous) use.volume = TRY(NewId());
    uses_.push_back(std::move(use));
    return {};
  }

  const api::ContainerSpec& spec_;
  std::set<std::string> targets_;
  std::vector<VolumeUse> uses_;
};

}  // namespace

Result<std::vector<VolumeUse>> PlanVolumes(const api::ContainerSpec& spec, const images::ImageConfig& image) {
  return Plan(spec).Make(image);
}

}  // namespace davit::local
