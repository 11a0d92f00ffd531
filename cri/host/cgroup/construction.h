// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Directories of one cgroup in all hierarchies: made together or not at all.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/hierarchy.h"

namespace davit {

// Takes back what it made when it goes, unless Keep was called. The hierarchies outlive it.
class CgroupConstruction {
 public:
  // `path` as in hierarchy.h.
  CgroupConstruction(Hierarchies hierarchies, std::string path)
      : hierarchies_(hierarchies), path_(std::move(path)) {}
  ~CgroupConstruction();
  CgroupConstruction(const CgroupConstruction&) = delete;
  CgroupConstruction& operator=(const CgroupConstruction&) = delete;

  // Makes the cgroup, and its parents where they are missing. An empty one that is there already is replaced
  // by a new one with fresh limits; one with processes or children is kAlreadyExists.
  Result<> Make();

  // Makes the cgroup, and its parents, in those hierarchies that lack it. Only these are taken back.
  Result<> MakeMissing();

  // v1 leaves a new cpuset empty, and then nothing can join it: it gets its parent's, which get theirs first.
  Result<> InheritCpuset() const;

  // v2: makes every controller of the root available in the cgroup. A parent that refuses one (it has
  // processes) is left as it is: whoever writes a limit of that controller then gets the error.
  Result<> EnableControllers() const;

  void Keep() { made_.clear(); }

 private:
  Result<> MakeIn(const CgroupHierarchy& hierarchy);
  Result<> MakeWithParents(const CgroupHierarchy& hierarchy);
  Result<> MakeParents(const CgroupHierarchy& hierarchy);
  // One directory, remembered for the undo.
  Result<> MakeOne(const CgroupHierarchy& hierarchy, const std::string& path);

  Hierarchies hierarchies_;
  std::string path_;
  std::vector<std::pair<const CgroupHierarchy*, std::string>> made_;
};

}  // namespace davit
