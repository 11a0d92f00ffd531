// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Creates the directories of one cgroup in all hierarchies, or in none.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cri/host/cgroup/apply.h"
#include "cri/host/cgroup/hierarchy.h"

namespace davit::cri {

// The destructor removes the directories that were created, unless Keep was called. The hierarchies must
// outlive the object.
class CgroupConstruction {
 public:
  // `path` as in hierarchy.h.
  CgroupConstruction(Hierarchies hierarchies, std::string path)
      : hierarchies_(hierarchies), path_(std::move(path)) {}
  ~CgroupConstruction();
  CgroupConstruction(const CgroupConstruction&) = delete;
  CgroupConstruction& operator=(const CgroupConstruction&) = delete;

  // Creates the cgroup and its missing parents. An existing empty cgroup is replaced by a new one with fresh
  // limits; one with processes or children is kAlreadyExists.
  Result<> Make();

  // Creates the cgroup and its missing parents in those hierarchies that lack it. Only these are removed on
  // failure.
  Result<> MakeMissing();

  // In v1 a new cpuset is empty, and no process can join it: this copies the values of the parent, which are
  // first filled in the same way.
  Result<> InheritCpuset() const;

  // v2: makes every controller of the root available in the cgroup. A parent that refuses a controller
  // (because it has processes) is left unchanged; a later write of a limit of that controller then fails.
  Result<> EnableControllers() const;

  void Keep() { made_.clear(); }

 private:
  Result<> MakeIn(const CgroupHierarchy& hierarchy);
  Result<> MakeWithParents(const CgroupHierarchy& hierarchy);
  Result<> MakeParents(const CgroupHierarchy& hierarchy);
  // Creates one directory and records it for the undo.
  Result<> MakeOne(const CgroupHierarchy& hierarchy, const std::string& path);

  Hierarchies hierarchies_;
  std::string path_;
  std::vector<std::pair<const CgroupHierarchy*, std::string>> made_;
};

}  // namespace davit::cri
