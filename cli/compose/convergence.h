// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Carries out a plan (plan.h) at the node.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "cli/compose/attachments.h"
#include "cli/compose/plan.h"
#include "cli/compose/progress.h"
#include "cli/verbs.h"

namespace davit::cli::compose {

// How containers are made and replaced.
struct ConvergeOptions {
  bool start = true;                          // else they are only made
  std::optional<int64_t> grace_seconds = {};  // of those that are stopped
  // Called on several threads with each container that runs.
  std::function<void(const api::Container&)> running = [](const api::Container&) {};
};

// One run of a plan. Services that do not depend on each other are changed at the same time.
class Convergence {
 public:
  // All must outlive it.
  Convergence(const Session& session, const Project& project, const Attachments& attachments,
              const Wanted& wanted, Progress& progress, ConvergeOptions options);

  // Returns when all steps are done or cannot be. Goes on with services that do not depend on what has
  // failed: returns the last error, the others are remarks.
  Result<> Run(const UpPlan& plan);

 private:
  enum class Outcome : uint8_t { kPending, kDone, kFailed };

  Result<> MakeNetwork(const std::string& key);
  Result<> MakeVolume(const std::string& key);
  Result<> RemoveOrphans(const UpPlan& plan);
  void RunService(const ServiceSteps& steps);
  Result<> RunSteps(const ServiceSteps& steps);
  Result<std::string> RunStep(const Service& service, const ContainerStep& step);
  // False if a service that this one needs has failed.
  Result<bool> AwaitDependencies(const Service& service);
  Outcome AwaitOutcome(const std::string& service);
  Result<std::string> Create(const Service& service, const ContainerStep& step, const std::string& name);
  Result<std::string> Recreate(const Service& service, const ContainerStep& step);
  Result<> Start(const std::string& id, const std::string& name);
  Result<> Remove(const std::string& id, const std::string& name);
  void Finish(const std::string& service, Outcome outcome, std::vector<std::string> ids);

  const Session& session_;
  const Project& project_;
  const Attachments& attachments_;
  const Wanted& wanted_;
  Progress& progress_;
  const ConvergeOptions options_;
  std::counting_semaphore<> at_once_;
  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::map<std::string, Outcome> outcomes_;
  std::map<std::string, std::vector<std::string>> ids_;  // of containers, by service
  std::optional<Error> error_;
};

}  // namespace davit::cli::compose
