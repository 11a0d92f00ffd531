// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/load.h"

#include <algorithm>
#include <filesystem>

#include "base/number.h"
#include "cli/compose/model/file_set.h"
#include "cli/compose/model/merge.h"
#include "cli/compose/model/normalize.h"

namespace davit::cli::compose {
namespace {

constexpr size_t kMostNameLetters = 40;  // container names have to fit into 63
constexpr size_t kMostContainers = 1'000;

std::map<std::string, std::string> TextMapOf(const Value* map) {
  std::map<std::string, std::string> texts;
  if (map != nullptr)
    for (const Member& member : map->members) texts[member.key] = member.value.text;
  return texts;
}

bool Flag(const Value& map, std::string_view key, bool absent = false) {
  const Value* value = map.Find(key);
  return value == nullptr ? absent : value->IsTrue();
}

Condition ConditionOf(const std::string& word) {
  if (word == "service_healthy") return Condition::kHealthy;
  return word == "service_completed_successfully" ? Condition::kCompleted : Condition::kStarted;
}

// `scale` counts more than deploy.replicas, as in Compose.
int64_t ScaleOf(const Value& definition, Problems& problems) {
  const Value* scale = definition.Find("scale");
  const Value* deploy = definition.Find("deploy");
  if (scale == nullptr && deploy != nullptr) scale = deploy->Find("replicas");
  if (scale == nullptr) return 1;
  int64_t count = WholeNumber<int64_t>(scale->text).value_or(-1);
  if (count < 0 || count > static_cast<int64_t>(kMostContainers))
    problems.Add(scale->place, "a service has 0 to " + std::to_string(kMostContainers) + " containers");
  return count;
}

Service ServiceOf(const Member& member, Problems& problems) {
  Service service{.name = member.key, .definition = member.value};
  if (const Value* dependencies = member.value.Find("depends_on"))
    for (const Member& dependency : dependencies->members)
      service.dependencies.push_back({dependency.key, ConditionOf(dependency.value.TextOf("condition")),
                                      Flag(dependency.value, "required", /*absent=*/true),
                                      Flag(dependency.value, "restart")});
  service.scale = ScaleOf(member.value, problems);
  return service;
}

Network NetworkOf(const Value& value) {
  Network network{.name = value.TextOf("name"),
                  .external = Flag(value, "external"),
                  .internal = Flag(value, "internal"),
                  .labels = TextMapOf(value.Find("labels"))};
  const Value* addresses = value.Find("ipam");
  const Value* pools = addresses == nullptr ? nullptr : addresses->Find("config");
  if (pools == nullptr) return network;
  for (const Value& pool : pools->items) {
    if (std::string subnet = pool.TextOf("subnet"); !subnet.empty()) network.subnets.push_back(subnet);
    if (std::string gateway = pool.TextOf("gateway"); !gateway.empty()) network.gateways.push_back(gateway);
  }
  return network;
}

// A variable is read here, so that what starts containers needs no environment.
FileSource SourceOf(const Member& member, const Environment& environment, Problems& problems) {
  FileSource source{.file = member.value.TextOf("file")};
  if (const Value* content = member.value.Find("content")) source.content = content->text;
  std::string variable = member.value.TextOf("environment");
  if (variable.empty()) return source;
  auto found = environment.find(variable);
  if (found == environment.end())
    problems.Add(member.place, "the variable " + variable + ", which " + member.key + " needs, is not set");
  else
    source.content = found->second;
  return source;
}

template <typename Take>
void EachOf(const Value& document, std::string_view section, Take take) {
  if (const Value* members = document.Find(section))
    for (const Member& member : members->members) take(member);
}

void FillProject(Project& project, const Environment& environment, Problems& problems) {
  const Value& document = project.document;
  EachOf(document, "services",
         [&](const Member& member) { project.services[member.key] = ServiceOf(member, problems); });
  EachOf(document, "networks",
         [&](const Member& member) { project.networks[member.key] = NetworkOf(member.value); });
  EachOf(document, "volumes", [&](const Member& member) {
    project.volumes[member.key] = {.name = member.value.TextOf("name"),
                                   .external = Flag(member.value, "external"),
                                   .labels = TextMapOf(member.value.Find("labels"))};
  });
  EachOf(document, "secrets", [&](const Member& member) {
    project.secrets[member.key] = SourceOf(member, environment, problems);
  });
  EachOf(document, "configs", [&](const Member& member) {
    project.configs[member.key] = SourceOf(member, environment, problems);
  });
}

// What the request, the variables, the files or the directory say, in this order.
std::string ChooseName(const LoadRequest& request, const Value& document) {
  if (!request.name.empty()) return request.name;
  auto variable = request.environment.find("COMPOSE_PROJECT_NAME");
  if (variable != request.environment.end() && !variable->second.empty()) return variable->second;
  std::string named = document.TextOf("name");
  return named.empty() ? ProjectNameOf(request.directory) : named;
}

class Loader {
 public:
  Loader(const LoadRequest& request, const ReadText& read) : request_(request), read_(read) {}

  std::expected<Project, Problems> Load() {
    Project project{.directory = request_.directory, .files = request_.files};
    Environment environment = request_.environment;
    if (!request_.name.empty()) environment["COMPOSE_PROJECT_NAME"] = request_.name;
    FileSet files(read_, problems_);
    std::optional<Value> merged = files.Read(request_.files, request_.directory, environment);
    if (!merged || !problems_.empty()) return std::unexpected(problems_);
    project.unset = files.unset();
    project.document = Settled(*merged, FileRule());
    project.name = ChooseName(request_, project.document);
    if (!IsProjectName(project.name))
      problems_.Add(project.document.place,
                    "\"" + project.name +
                        "\" is no name of a project, which has lower-case letters, digits, \"-\" and \"_\", "
                        "at most 40, and begins with a letter or digit: choose one with -p or name");
    project.idle = KeepChosen(project.document, request_);
    if (project.document.Find("services")->members.empty() && project.idle.empty())
      problems_.Add(project.document.place, "there are no services");
    ResolveEnvironments(project.document, environment, read_, problems_);
    FillIn(project.document, project.name);
    Check(project.document, project.idle, problems_);
    FillProject(project, environment, problems_);
    if (!problems_.empty()) return std::unexpected(problems_);
    return project;
  }

 private:
  const LoadRequest& request_;
  const ReadText& read_;
  Problems problems_;
};

}  // namespace

std::expected<Project, Problems> LoadProject(const LoadRequest& request, const ReadText& read) {
  return Loader(request, read).Load();
}

std::string ProjectNameOf(const std::string& directory) {
  std::string name;
  for (char letter : std::filesystem::path(directory).filename().string()) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    bool middle = letter == '-' || letter == '_';
    bool known = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || middle;
    if (known && !(middle && name.empty())) name += letter;
  }
  return name.substr(0, kMostNameLetters);
}

bool IsProjectName(const std::string& name) {
  return !name.empty() && name.size() <= kMostNameLetters && name == ProjectNameOf("/" + name);
}

}  // namespace davit::cli::compose
