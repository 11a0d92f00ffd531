// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Where the cgroups of pods and containers are. Only names are computed here: nothing is created.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/cgroup_path.h"

namespace davit::cri {

// As the kubelet's setting cgroupDriver.
enum class CgroupDriver : uint8_t {
  kCgroupfs,  // the daemon makes directories
  kSystemd,   // systemd makes slices and scopes (systemd.slice(5), systemd.scope(5))
};

// The paths that it returns are those of class Cgroups. They are written to the records of pods and
// containers when these are made: later, the record counts, so that another driver or root does not lose
// them.
class CgroupPlacement {
 public:
  virtual ~CgroupPlacement() = default;

  virtual CgroupDriver driver() const = 0;
  // The cgroups that have those of pods without a parent: the one of OwnPod, and that of the other driver,
  // which may have been in use before.
  virtual std::vector<std::string> OwnPodParents() const = 0;

  // The parent that a request names, for the containers of a pod. kInvalidArgument if it is no parent for
  // this driver: the context says why.
  virtual Result<CgroupPath> Parent(std::string_view text) const = 0;
  // The parent of the containers of a pod whose request names none.
  virtual std::string OwnPod(const std::string& sandbox_id) const = 0;
  // `parent` may have been chosen by the other driver, which the container then gets a path of.
  virtual std::string Container(const std::string& parent, const std::string& container_id) const = 0;
};

// Below `root`, a cgroup path that may be "/".
class CgroupfsPlacement final : public CgroupPlacement {
 public:
  explicit CgroupfsPlacement(const std::string& root) : root_(root == "/" ? "" : root) {}

  CgroupDriver driver() const override { return CgroupDriver::kCgroupfs; }
  std::vector<std::string> OwnPodParents() const override;
  // Refuses slices: systemd would not know the containers in them.
  Result<CgroupPath> Parent(std::string_view text) const override;
  std::string OwnPod(const std::string& sandbox_id) const override;
  std::string Container(const std::string& parent, const std::string& container_id) const override;
  // The cgroup of the shims.
  Result<CgroupPath> Shims() const { return CgroupPath::Parse(root_ + "/davit/shims"); }

 private:
  std::string root_;  // empty: the root of the hierarchies
};

// Containers are scopes in the slices that the kubelet has made. Without one, a pod gets the slice
// davit-pods-ID.slice.
class SystemdPlacement final : public CgroupPlacement {
 public:
  // `root` is "/" or a slice, by name or by path, below which the daemon's own slices are: with "/a.slice"
  // their names begin with "a-". kInvalidArgument if it is anything else. `scope_prefix` begins the names of
  // containers' scopes: PREFIX-ID.scope.
  static Result<SystemdPlacement> Make(const std::string& root, std::string scope_prefix);

  CgroupDriver driver() const override { return CgroupDriver::kSystemd; }
  std::vector<std::string> OwnPodParents() const override;
  // Takes a slice's name and its path, which the kubelet sends. Refuses all other cgroups.
  Result<CgroupPath> Parent(std::string_view text) const override;
  std::string OwnPod(const std::string& sandbox_id) const override;
  std::string Container(const std::string& parent, const std::string& container_id) const override;
  // The path of the scope `name` in the slice of the daemon's own processes, davit.slice.
  std::string OwnScope(const std::string& name) const;

 private:
  SystemdPlacement(std::string root, std::string slice_prefix, std::string scope_prefix)
      : root_(std::move(root)),
        slice_prefix_(std::move(slice_prefix)),
        scope_prefix_(std::move(scope_prefix)) {}

  std::string root_;          // a path
  std::string slice_prefix_;  // empty, or "a-"
  std::string scope_prefix_;
};

}  // namespace davit::cri
