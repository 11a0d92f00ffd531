// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/usage.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>

#include "base/host_memory.h"
#include "cli/target.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

using api::ContainerUsage;

// nullopt for a container that has ended meanwhile.
Result<std::optional<ContainerUsage>> MeasureKubelets(const Daemon& daemon, const Target& target) {
  v1::PodSandboxStatsRequest request;
  request.set_pod_sandbox_id(target.pod.id());
  auto pod = daemon.Call(&RuntimeStub::PodSandboxStats, request);
  if (!pod && pod.error().code == Code::kNotFound) return std::optional<ContainerUsage>();
  const v1::LinuxPodSandboxStats stats = TRY(std::move(pod)).stats().linux();
  for (const v1::ContainerStats& container : stats.containers()) {
    if (container.attributes().id() != target.container->id()) continue;
    ContainerUsage usage;
    usage.set_id(container.attributes().id());
    usage.set_name(NameOf(target));
    usage.set_taken_at(container.cpu().timestamp());
    usage.set_cpu_nanoseconds(container.cpu().usage_core_nano_seconds().value());
    const v1::MemoryUsage& memory = container.memory();
    usage.set_memory_bytes(memory.working_set_bytes().value());
    usage.set_memory_limit_bytes(memory.has_available_bytes()
                                     ? memory.working_set_bytes().value() + memory.available_bytes().value()
                                     : HostMemory());
    usage.set_received_bytes(stats.network().default_interface().rx_bytes().value());
    usage.set_sent_bytes(stats.network().default_interface().tx_bytes().value());
    api::TopContainerRequest top;
    top.set_container(usage.id());
    if (auto processes = daemon.Call(&OwnContainerStub::Top, top))
      usage.set_processes(static_cast<uint64_t>(processes->pids_size()));
    return usage;
  }
  return std::optional<ContainerUsage>();
}

Result<> AddLocal(const Daemon& daemon, const std::string& name, std::vector<ContainerUsage>& found) {
  api::ContainerStatsRequest request;
  if (!name.empty()) request.add_containers(name);
  auto answer = TRY(daemon.Call(&OwnContainerStub::Stats, request));
  found.insert(found.end(), answer.containers().begin(), answer.containers().end());
  return {};
}

Result<> AddKubelets(const Daemon& daemon, const Target& target, std::vector<ContainerUsage>& found) {
  if (!target.container || target.container->state() != v1::CONTAINER_RUNNING) return {};
  if (std::optional<ContainerUsage> usage = TRY(MeasureKubelets(daemon, target))) found.push_back(*usage);
  return {};
}

// In the largest of the units, each `step` times the one before, in which it is 1 at least, with so many
// significant digits.
std::string Scaled(uint64_t bytes, double step, std::span<const char* const> units, int digits) {
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= step && unit + 1 < units.size(); ++unit) value /= step;
  char text[48];
  snprintf(text, sizeof text, "%.*g%s", digits, value, units[unit]);
  return text;
}

// "1.523MiB", as in Docker.
std::string BinaryText(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  return Scaled(bytes, 1024, kUnits, 4);
}

std::string PercentText(double part, double whole) {
  char text[48];
  snprintf(text, sizeof text, "%.2f%%", whole > 0 ? part * 100 / whole : 0);
  return text;
}

}  // namespace

std::string DecimalText(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  return Scaled(bytes, 1000, kUnits, 3);
}

Result<std::vector<ContainerUsage>> Measure(const Daemon& daemon, const UsageChoice& choice) {
  std::vector<ContainerUsage> found;
  for (const std::string& name : choice.names) {
    Result<> added = AddLocal(daemon, name, found);
    if (!added && added.error().code == Code::kNotFound)
      added = AddKubelets(daemon, TRY(FindContainer(daemon, name)), found);
    TRY(std::move(added));
  }
  if (!choice.names.empty()) return found;
  TRY(AddLocal(daemon, "", found));
  if (!choice.kubelets) return found;
  for (const Target& target : TRY(ListTargets(daemon))) TRY(AddKubelets(daemon, target, found));
  return found;
}

nlohmann::json UsageRow(const ContainerUsage& now, const ContainerUsage* before, bool no_trunc) {
  double cpu = 0;
  double elapsed = 0;
  if (before != nullptr && now.cpu_nanoseconds() >= before->cpu_nanoseconds()) {
    cpu = static_cast<double>(now.cpu_nanoseconds() - before->cpu_nanoseconds());
    elapsed = static_cast<double>(now.taken_at() - before->taken_at());
  }
  std::string id = no_trunc ? now.id() : ShortId(now.id());
  return {{"ID", id},
          {"Container", id},
          {"Name", now.name()},
          {"CPUPerc", PercentText(cpu, elapsed)},
          {"MemUsage", BinaryText(now.memory_bytes()) + " / " + BinaryText(now.memory_limit_bytes())},
          {"MemPerc", PercentText(static_cast<double>(now.memory_bytes()),
                                  static_cast<double>(now.memory_limit_bytes()))},
          {"NetIO", DecimalText(now.received_bytes()) + " / " + DecimalText(now.sent_bytes())},
          {"PIDs", std::to_string(now.processes())}};
}

}  // namespace davit::cli
