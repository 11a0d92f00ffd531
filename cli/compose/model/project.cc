// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/project.h"

#include <algorithm>

#include "base/suggestion.h"

namespace davit::cli::compose {
namespace {

class Order {
 public:
  Order(const Project& project, bool with_dependencies)
      : project_(project), with_dependencies_(with_dependencies) {}

  void Add(const std::string& name) {
    auto service = project_.services.find(name);
    if (service == project_.services.end() || !seen_.insert(name).second) return;
    if (with_dependencies_)
      for (const Dependency& dependency : service->second.dependencies) Add(dependency.service);
    names_.push_back(name);
  }

  std::vector<std::string> Take() { return std::move(names_); }

 private:
  const Project& project_;
  const bool with_dependencies_;
  std::set<std::string> seen_;
  std::vector<std::string> names_;
};

}  // namespace

Result<std::vector<std::string>> Project::InOrder(const std::vector<std::string>& names,
                                                  bool with_dependencies) const {
  Order wanted(*this, with_dependencies);
  std::vector<std::string> known;
  for (const auto& [key, service] : services) known.push_back(key);
  for (const std::string& key : names.empty() ? known : names) {
    if (!services.contains(key)) {
      std::string nearest = Nearest(key, known);
      return Fail(Code::kNotFound, "find service", key,
                  "the project " + name + " has no such service" +
                      (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
    wanted.Add(key);
  }
  return wanted.Take();
}

}  // namespace davit::cli::compose
