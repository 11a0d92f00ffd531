// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Loads sandboxes and containers from the database into memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "cri/host/cgroup/cgroups.h"
#include "cri/runtime/containers.h"
#include "cri/runtime/sandboxes.h"

namespace davit::cri {

// A row that cannot be read is quarantined with its pod: the sandbox is listed as not ready, with the reason,
// and can be stopped and removed like any other by its owner. Only its id and its owner are known: its cgroup
// is the one with the id in its name, if there is one where pods without a parent of their own have theirs.
// A row without an id, or without that of its sandbox, is set aside: it becomes no object, and stays.
class RecordLoader {
 public:
  // All must outlive the object.
  struct Ports {
    const Cgroups& cgroups;
    PodTable& pods;
    PodStore& records;
    images::ImageLookup& images;
    Confinement& confinement;
    Containers& containers;
    Sandboxes& sandboxes;
    const Clock& clock;
  };
  explicit RecordLoader(const Ports& ports) : ports_(ports) {}

  // Returns an error only if the tables cannot be read.
  Result<std::vector<SandboxPtr>> Load();
  // Marks the sandbox as failed, with `reason`. A second call does not replace the first reason.
  void Quarantine(const SandboxPtr& sandbox, const std::string& reason);
  // The reasons of quarantined pods, by sandbox id.
  const std::map<std::string, std::string>& quarantined() const { return quarantined_; }
  struct RowSetAside {
    std::string kind;  // "sandbox" or "container"
    std::string id;    // may be empty
    std::string reason;
  };
  const std::vector<RowSetAside>& set_aside() const { return set_aside_; }

 private:
  void LoadSandbox(const SandboxRow& row);
  void LoadContainer(const ContainerRow& row);
  void Add(SandboxPtr sandbox);
  void AddUnreadable(const SandboxRow& row, const std::string& reason);
  void AddUnreadable(const ContainerRow& row, const SandboxPtr& sandbox, const std::string& reason);
  void SetAside(const std::string& kind, const std::string& id, const std::string& reason);
  SandboxPtr SandboxOf(const std::string& id);
  std::string FindCgroup(const std::vector<std::string>& parents, const std::string& id) const;

  const Ports ports_;
  std::vector<SandboxPtr> sandboxes_;
  std::map<std::string, std::string> quarantined_;
  std::vector<RowSetAside> set_aside_;
};

}  // namespace davit::cri
