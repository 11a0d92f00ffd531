// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The filters of davit ps.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/davit/v1/containers.pb.h"
#include "cli/daemon.h"
#include "cli/filter.h"

namespace davit::cli {

class ContainerFilter {
 public:
  // kInvalidArgument for a filter or a value that does not exist.
  static Result<ContainerFilter> Parse(const std::vector<std::string>& filters);

  bool empty() const { return filters_.empty(); }
  // Whether it is about the state, and so also about containers that do not run.
  bool AsksForState() const { return filters_.Has("status") || filters_.Has("exited"); }

  // Asks the daemon for the containers, images and networks that the filters name. kNotFound for a container
  // that does not exist; images and networks that do not exist are those of no container.
  Result<> Resolve(const Daemon& daemon);

  // After Resolve.
  bool Takes(const api::Container& container) const;

 private:
  Result<> ParseValues();
  Result<> ResolveAncestors(const Daemon& daemon);
  bool TakesState(const api::Container& container) const;
  bool TakesTime(const api::Container& container) const;
  bool TakesPort(const std::string& key, const api::Container& container) const;
  bool TakesVolume(const api::Container& container) const;

  Filters filters_;
  std::vector<Pattern> names_;
  std::vector<Pattern> ids_;
  std::set<std::string> images_;    // ids of the ancestors and of images that are made of them
  std::set<std::string> networks_;  // names
  std::optional<int64_t> before_;   // nanoseconds since 1970: created earlier
  std::optional<int64_t> since_;    // created later
};

}  // namespace davit::cli
