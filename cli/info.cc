// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

#include "cli/containers.h"
#include "cli/host_info.h"
#include "cli/row_output.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/verbs.h"

namespace davit::cli {
namespace {

struct Facts {
  v1::VersionResponse version;
  v1::StatusResponse status;
  v1::RuntimeConfigResponse config;
  int running = 0;
  int containers = 0;
  size_t local_containers = 0;
  size_t local_running = 0;
  size_t local_paused = 0;
  int images = 0;
  uint64_t image_bytes = 0;
  std::string image_directory;
};

Result<Facts> Ask(const Daemon& daemon) {
  Facts facts;
  facts.version = TRY(daemon.Call(&RuntimeStub::Version, v1::VersionRequest()));
  facts.status = TRY(daemon.Call(&RuntimeStub::Status, v1::StatusRequest()));
  facts.config = TRY(daemon.Call(&RuntimeStub::RuntimeConfig, v1::RuntimeConfigRequest()));
  auto containers = TRY(daemon.Call(&RuntimeStub::ListContainers, v1::ListContainersRequest()));
  facts.containers = containers.containers_size();
  for (const v1::Container& container : containers.containers()) {
    facts.running += container.state() == v1::CONTAINER_RUNNING ? 1 : 0;
  }
  for (const api::Container& container : TRY(ListContainers(daemon, /*all=*/true))) {
    ++facts.local_containers;
    facts.local_running += container.state().status() == api::ContainerState::RUNNING ? 1 : 0;
    facts.local_paused += container.state().paused() ? 1 : 0;
  }
  facts.images = TRY(daemon.Call(&ImageStub::ListImages, v1::ListImagesRequest())).images_size();
  auto disk = TRY(daemon.Call(&ImageStub::ImageFsInfo, v1::ImageFsInfoRequest()));
  for (const v1::FilesystemUsage& usage : disk.image_filesystems()) {
    facts.image_bytes += usage.used_bytes().value();
    facts.image_directory = usage.fs_id().mountpoint();
  }
  return facts;
}

std::string DriverName(const Facts& facts) {
  return facts.config.linux().cgroup_driver() == v1::SYSTEMD ? "systemd" : "cgroupfs";
}

std::string ConditionText(const v1::RuntimeCondition& condition) {
  if (condition.status()) return "yes";
  return "no: " + condition.reason() + (condition.message().empty() ? "" : ": " + condition.message());
}

std::string ToTable(const Facts& facts, const std::string& address) {
  Table table({"Address", address});
  table.Add({"Runtime", facts.version.runtime_name() + " " + facts.version.runtime_version()});
  table.Add({"CRI", facts.version.runtime_api_version()});
  for (const v1::RuntimeCondition& condition : facts.status.status().conditions()) {
    table.Add({condition.type(), ConditionText(condition)});
  }
  table.Add({"Cgroup driver", DriverName(facts)});
  auto count = [](auto all, auto running) {
    return std::to_string(all) + ", running " + std::to_string(running);
  };
  table.Add({"Containers", count(facts.containers, facts.running)});
  table.Add({"Local containers", count(facts.local_containers, facts.local_running)});
  table.Add({"Images", std::to_string(facts.images) + ", " + SizeText(facts.image_bytes)});
  table.Add({"Image directory", facts.image_directory});
  return table.ToString();
}

nlohmann::json ToJson(const Facts& facts, const std::string& address) {
  nlohmann::json conditions = nlohmann::json::array();
  for (const v1::RuntimeCondition& condition : facts.status.status().conditions()) {
    conditions.push_back({{"type", condition.type()},
                          {"status", condition.status()},
                          {"reason", condition.reason()},
                          {"message", condition.message()}});
  }
  return {
      {"address", address},
      {"runtime", facts.version.runtime_name()},
      {"version", facts.version.runtime_version()},
      {"apiVersion", facts.version.runtime_api_version()},
      {"conditions", conditions},
      {"cgroupDriver", DriverName(facts)},
      {"containers", facts.containers},
      {"running", facts.running},
      {"localContainers", facts.local_containers},
      {"localRunning", facts.local_running},
      {"images", facts.images},
      {"imageBytes", facts.image_bytes},
      {"imageDirectory", facts.image_directory},
  };
}

// In the fields of docker info. The daemon is at the same host: its socket is a file.
nlohmann::json ToDocument(const Facts& facts) {
  const HostInfo host = ReadHostInfo();
  return {{"Name", host.name},
          {"ServerVersion", facts.version.runtime_version()},
          {"Containers", facts.local_containers},
          {"ContainersRunning", facts.local_running},
          {"ContainersPaused", facts.local_paused},
          {"ContainersStopped", facts.local_containers - facts.local_running},
          {"Images", facts.images},
          {"Driver", "overlay"},
          {"DockerRootDir", facts.image_directory},
          {"CgroupDriver", DriverName(facts)},
          {"CgroupVersion", host.cgroup_version},
          {"KernelVersion", host.kernel},
          {"OperatingSystem", host.system},
          {"OSType", "linux"},
          {"Architecture", host.architecture},
          {"NCPU", host.cpus},
          {"MemTotal", host.memory_bytes}};
}

}  // namespace

Result<int> Perform(const Session& session, const InfoOptions& options) {
  Facts facts = TRY(Ask(session.daemon));
  if (!options.format.empty()) {
    TRY(PrintDocuments(session.console, options.format, {ToDocument(facts)}));
  } else if (session.console.format == OutputFormat::kJson) {
    TRY(session.console.PrintJson(ToJson(facts, session.daemon.address())));
  } else {
    TRY(session.console.Print(ToTable(facts, session.daemon.address())));
  }
  return 0;
}

}  // namespace davit::cli
