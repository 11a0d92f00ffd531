// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/host/cgroup/placement.h"

#include <utility>

#include "cri/host/systemd/unit_name.h"

namespace davit::cri {
namespace {

constexpr char kOwnSlice[] = "davit.slice";
constexpr char kOwnPodsSlice[] = "davit-pods.slice";
constexpr char kOwnPods[] = "/davit/pods";

std::unexpected<Error> NoParent(std::string_view text, std::string_view why) {
  return Fail(Code::kInvalidArgument, "cgroup parent", text, why);
}

// The path of a slice that is named by its name or by its path.
Result<std::string> SlicePath(const CgroupPath& path) {
  std::string expanded = TRY(ExpandSlice(UnitOfPath(path.text())));
  bool is_name = path.text().rfind('/') == 0;
  if (is_name || path.text() == expanded) return expanded;
  return NoParent(path.text(), "is not where systemd has this slice, which is " + expanded);
}

// Of a name that is valid because of how it is made.
std::string Expanded(const std::string& slice) {
  return ExpandSlice(slice).value_or("/" + slice);
}

// What begins the names of slices below a root: "a-" for "/a.slice", nothing for "/".
Result<std::string> SlicePrefix(const std::string& root) {
  if (root == "/" || root.empty()) return "";
  std::string slice = UnitOfPath(TRY(SlicePath(TRY(CgroupPath::Parse(root)))));
  return slice.substr(0, slice.rfind('.')) + "-";
}

// `root` is a path; "" and "/" are the same. The one of systemd only where the root can be a slice.
std::vector<std::string> ParentsOfBothDrivers(const std::string& root) {
  std::vector<std::string> parents = {(root == "/" ? "" : root) + kOwnPods};
  if (Result<std::string> prefix = SlicePrefix(root)) parents.push_back(Expanded(*prefix + kOwnPodsSlice));
  return parents;
}

}  // namespace

Result<CgroupPath> CgroupfsPlacement::Parent(std::string_view text) const {
  CgroupPath path = TRY(ParseCgroupParent(text));
  if (IsSlice(path.text())) {
    return NoParent(text,
                    "is a slice of systemd, but the cgroup driver is cgroupfs: the kubelet needs the same");
  }
  return path;
}

std::string CgroupfsPlacement::OwnPod(const std::string& sandbox_id) const {
  return root_ + kOwnPods + "/" + sandbox_id;
}

std::vector<std::string> CgroupfsPlacement::OwnPodParents() const {
  return ParentsOfBothDrivers(root_);
}

std::string CgroupfsPlacement::Container(const std::string& parent, const std::string& container_id) const {
  return parent + "/" + container_id;
}

Result<SystemdPlacement> SystemdPlacement::Make(const std::string& root, std::string scope_prefix) {
  std::string prefix = TRY(SlicePrefix(root));
  std::string path = root == "/" ? root : TRY(SlicePath(TRY(CgroupPath::Parse(root))));
  return SystemdPlacement(std::move(path), std::move(prefix), std::move(scope_prefix));
}

std::vector<std::string> SystemdPlacement::OwnPodParents() const {
  return ParentsOfBothDrivers(root_);
}

Result<CgroupPath> SystemdPlacement::Parent(std::string_view text) const {
  CgroupPath path = TRY(ParseCgroupParent(text));
  Result<std::string> slice = SlicePath(path);
  if (!slice) {
    return NoParent(text, "is no slice (" + slice.error().context +
                              "), but the cgroup driver is systemd: the kubelet needs the same");
  }
  if (*slice == "/") return NoParent(text, "is the root of the hierarchy");
  return ParseCgroupParent(*slice);
}

std::string SystemdPlacement::OwnPod(const std::string& sandbox_id) const {
  return Expanded(slice_prefix_ + "davit-pods-" + sandbox_id + ".slice");
}

std::string SystemdPlacement::Container(const std::string& parent, const std::string& container_id) const {
  if (!IsSlice(parent)) return parent + "/" + container_id;
  return parent + "/" + scope_prefix_ + "-" + container_id + ".scope";
}

std::string SystemdPlacement::OwnScope(const std::string& name) const {
  return Expanded(slice_prefix_ + kOwnSlice) + "/" + name;
}

}  // namespace davit::cri
