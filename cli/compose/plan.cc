// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/plan.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace davit::cli::compose {
namespace {

class Planner {
 public:
  Planner(const Project& project, const ProjectNow& now, const Wanted& wanted, const UpChoice& choice)
      : project_(project), now_(now), wanted_(wanted), choice_(choice) {}

  Result<UpPlan> Plan() {
    UpPlan plan;
    TRY(PlanNetworks(plan));
    TRY(PlanVolumes(plan));
    for (const std::string& name : choice_.services)
      plan.services.push_back({name, StepsOf(project_.Named(name))});
    for (const ContainerNow& container : now_.containers)
      if (!project_.services.contains(container.service) && !project_.idle.contains(container.service) &&
          !container.one_off)
        plan.orphans.push_back(container);
    plan.remove_orphans = choice_.remove_orphans;
    return plan;
  }

 private:
  // Whether one of the chosen services uses it.
  bool IsUsed(const char* section, const std::string& key) const {
    return std::ranges::any_of(choice_.services, [&](const std::string& name) {
      const Value* uses = project_.Named(name).definition.Find(section);
      if (uses == nullptr) return false;
      return uses->Find(key) != nullptr || std::ranges::any_of(uses->items, [&key](const Value& item) {
               return item.TextOf("type") == "volume" && item.TextOf("source") == key;
             });
    });
  }

  Result<> PlanNetworks(UpPlan& plan) const {
    for (const auto& [key, network] : project_.networks) {
      if (!IsUsed("networks", key) || now_.networks.contains(network.name)) continue;
      if (network.external)
        return Fail(Code::kFailedPrecondition, "find network", network.name,
                    "it is external and does not exist: make it with davit network create " + network.name);
      plan.networks.push_back(key);
    }
    return {};
  }

  Result<> PlanVolumes(UpPlan& plan) const {
    for (const auto& [key, volume] : project_.volumes) {
      if (!IsUsed("volumes", key) || now_.volumes.contains(volume.name)) continue;
      if (volume.external)
        return Fail(Code::kFailedPrecondition, "find volume", volume.name,
                    "it is external and does not exist: make it with davit volume create " + volume.name);
      plan.volumes.push_back(key);
    }
    return {};
  }

  bool HasChanged(const ContainerNow& container) const {
    auto hash = wanted_.hashes.find(container.service);
    auto image = wanted_.images.find(container.service);
    return (hash != wanted_.hashes.end() && hash->second != container.hash) ||
           (image != wanted_.images.end() && !container.image_id.empty() &&
            image->second != container.image_id);
  }

  bool IsRecreated(const ContainerNow& container) const {
    if (choice_.recreate == Recreate::kNever) return false;
    bool always = choice_.recreate == Recreate::kAlways && choice_.named.contains(container.service);
    return always || HasChanged(container);
  }

  // Those to keep first: unchanged before changed, then by number.
  std::vector<ContainerNow> ContainersOf(const std::string& service) const {
    std::vector<ContainerNow> containers;
    for (const ContainerNow& container : now_.containers)
      if (container.service == service && !container.one_off) containers.push_back(container);
    std::ranges::sort(containers, {}, [this](const ContainerNow& container) {
      return std::tuple(HasChanged(container), container.number, container.name);
    });
    return containers;
  }

  ContainerStep StepOf(const ContainerNow& container, bool restarts) const {
    Step step = IsRecreated(container) ? Step::kRecreate
                : !container.running   ? Step::kStart
                : restarts             ? Step::kRestart
                                       : Step::kKeep;
    return {step, container.number, container.name, container.id};
  }

  std::vector<ContainerStep> StepsOf(const Service& service) {
    std::vector<ContainerNow> containers = ContainersOf(service.name);
    auto other = choice_.scale.find(service.name);
    auto wanted = static_cast<size_t>(other == choice_.scale.end() ? service.scale : other->second);
    bool restarts = std::ranges::any_of(service.dependencies, [this](const Dependency& dependency) {
      return dependency.restart && changed_.contains(dependency.service);
    });
    std::vector<ContainerStep> steps;
    std::set<int64_t> numbers;
    for (size_t i = 0; i < containers.size(); ++i) {
      const ContainerNow& container = containers[i];
      if (i >= wanted) {
        steps.push_back({Step::kRemove, container.number, container.name, container.id});
        continue;
      }
      steps.push_back(StepOf(container, restarts));
      numbers.insert(container.number);
    }
    int64_t number = 1;
    for (size_t i = containers.size(); i < wanted; ++i) {
      while (!numbers.insert(number).second) ++number;
      steps.push_back({Step::kCreate, number, ContainerName(project_, service, number), ""});
    }
    std::ranges::sort(steps, {}, [](const ContainerStep& step) {
      return std::pair(step.step != Step::kRemove, step.number);
    });
    if (std::ranges::any_of(steps, [](const ContainerStep& step) { return step.step == Step::kRecreate; }))
      changed_.insert(service.name);
    return steps;
  }

  const Project& project_;
  const ProjectNow& now_;
  const Wanted& wanted_;
  const UpChoice& choice_;
  std::set<std::string> changed_;  // services with new containers in place of old ones
};

}  // namespace

Result<UpPlan> PlanUp(const Project& project, const ProjectNow& now, const Wanted& wanted,
                      const UpChoice& choice) {
  return Planner(project, now, wanted, choice).Plan();
}

std::string ContainerName(const Project& project, const Service& service, int64_t number) {
  std::string own = service.Text("container_name");
  return own.empty() ? project.name + "-" + service.name + "-" + std::to_string(number) : own;
}

}  // namespace davit::cli::compose
