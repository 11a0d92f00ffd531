// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/reverse.h"

#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "cli/compose/node.h"
#include "cli/containers.h"

namespace davit::cli::compose {
namespace {

class Reversal {
 public:
  Reversal(const Project& project, Progress& progress,
           const std::function<Result<>(const api::Container&)>& act)
      : project_(project), progress_(progress), act_(act) {}

  Result<> Run(const std::vector<api::Container>& containers) {
    for (const api::Container& container : containers) ++open_[NowOf(container).service];
    {
      std::vector<std::jthread> threads;
      for (const api::Container& container : containers)
        threads.emplace_back([this, &container] { RunOne(container); });
    }
    if (error_) return std::unexpected(std::move(*error_));
    return {};
  }

 private:
  bool DependentsAreDone(const std::string& service) const {
    for (const auto& [name, dependent] : project_.services) {
      auto open = open_.find(name);
      if (open == open_.end() || open->second == 0) continue;
      for (const Dependency& dependency : dependent.dependencies)
        if (dependency.service == service) return false;
    }
    return true;
  }

  void RunOne(const api::Container& container) {
    std::string service = NowOf(container).service;
    {
      std::unique_lock lock(mutex_);
      done_.wait(lock, [&] { return DependentsAreDone(service); });
    }
    Result<> acted = act_(container);
    std::lock_guard lock(mutex_);
    if (!acted && error_) progress_.Remark(error_->ToString());
    if (!acted) error_ = acted.error();
    --open_[service];
    done_.notify_all();
  }

  const Project& project_;
  Progress& progress_;
  const std::function<Result<>(const api::Container&)>& act_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::map<std::string, int> open_;  // containers that are not done, by service
  std::optional<Error> error_;
};

}  // namespace

Result<> InReverse(const Project& project, const std::vector<api::Container>& containers, Progress& progress,
                   const std::function<Result<>(const api::Container&)>& act) {
  return Reversal(project, progress, act).Run(containers);
}

Result<> StopAll(const Session& session, const Project& project,
                 const std::vector<api::Container>& containers, std::optional<int64_t> grace_seconds,
                 Progress& progress) {
  return InReverse(project, containers, progress, [&](const api::Container& container) -> Result<> {
    if (!NowOf(container).running) return {};
    TRY(StopContainer(session, container.id(), grace_seconds));
    progress.Say("Container", container.name(), "Stopped");
    return {};
  });
}

}  // namespace davit::cli::compose
