// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <nlohmann/json.hpp>

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
  table.Add({"Containers", std::to_string(facts.containers) + ", running " + std::to_string(facts.running)});
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
      {"images", facts.images},
      {"imageBytes", facts.image_bytes},
      {"imageDirectory", facts.image_directory},
  };
}

}  // namespace

Result<int> Perform(const Session& session, const InfoOptions& /*options*/) {
  Facts facts = TRY(Ask(session.daemon));
  if (session.console.format == OutputFormat::kJson) {
    TRY(session.console.PrintJson(ToJson(facts, session.daemon.address())));
  } else {
    TRY(session.console.Print(ToTable(facts, session.daemon.address())));
  }
  return 0;
}

}  // namespace davit::cli
