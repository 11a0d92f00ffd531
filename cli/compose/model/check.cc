// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <functional>
#include <set>

#include "base/suggestion.h"
#include "cli/compose/model/normalize.h"

namespace davit::cli::compose {
namespace {

bool IsOneOf(const std::string& text, std::initializer_list<std::string_view> known) {
  return std::ranges::find(known, text) != known.end();
}

bool IsServiceName(const std::string& name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 63 && name.find_first_not_of(kLetters) == std::string::npos &&
         std::isalnum(static_cast<unsigned char>(name.front())) != 0;
}

// Checks one service of a document.
class ServiceCheck {
 public:
  ServiceCheck(const Value& document, const std::map<std::string, std::string>& idle, const Member& service,
               Problems& problems)
      : document_(document),
        idle_(idle),
        name_(service.key),
        service_(service.value),
        place_(service.place),
        problems_(problems) {}

  void Run() {
    if (!IsServiceName(name_)) Bad(place_, "a name has letters, digits, \".\", \"_\" and \"-\", at most 63");
    if (service_.Find("image") == nullptr && service_.Find("build") == nullptr)
      Bad(place_, "has neither image nor build");
    CheckWords();
    CheckNetworks();
    CheckVolumes();
    CheckReferences("secrets");
    CheckReferences("configs");
    CheckDependencies();
    CheckScale();
  }

 private:
  void Bad(const Place& place, const std::string& why) {
    problems_.Add(place, "services." + name_ + ": " + why);
  }

  // The text of a key is one of these, or left out.
  void CheckWord(const char* key, std::initializer_list<std::string_view> known) {
    const Value* value = service_.Find(key);
    if (value == nullptr || IsOneOf(value->text, known)) return;
    std::string list;
    for (std::string_view word : known) list.append(list.empty() ? "" : ", ").append(word);
    Bad(value->place, std::string(key) + " is \"" + value->text + "\": Davit knows " + list);
  }

  void CheckWords() {
    CheckWord("pull_policy", {"always", "missing", "never", "build"});
    CheckWord("network_mode", {"bridge", "host", "none"});
    CheckWord("pid", {"host", ""});
    CheckWord("ipc", {"host", "private", "shareable", ""});
    if (const Value* logging = service_.Find("logging")) {
      std::string driver = logging->TextOf("driver");
      if (!IsOneOf(driver, {"", "json-file", "local"}))
        Bad(logging->place, "the log driver " + driver + " is not supported: remove it, or use local");
    }
    if (const Value* links = service_.Find("links"))
      for (const Value& link : links->items)
        if (link.text.contains(':'))
          Bad(link.place,
              "links with another name are not supported: give that service the name in "
              "networks.default.aliases");
  }

  void CheckNetworks() {
    const Value* networks = service_.Find("networks");
    if (networks == nullptr) return;
    if (service_.Find("network_mode") != nullptr)
      Bad(networks->place, "has networks and network_mode: remove one of them");
    if (networks->members.size() > 1)
      Bad(networks->place,
          "has several networks, and a container has one: choose one, which all services "
          "that it talks to are in");
    for (const Member& network : networks->members) CheckReference("networks", network.key, network.place);
  }

  void CheckReference(const char* section, const std::string& key, const Place& place) {
    const Value* known = document_.Find(section);
    if (known != nullptr && known->Find(key) != nullptr) return;
    Bad(place, "uses " + std::string(section) + "." + key +
                   ", which the project does not define: add it at the " + "top level");
  }

  void CheckVolumes() {
    const Value* volumes = service_.Find("volumes");
    if (volumes == nullptr) return;
    for (const Value& volume : volumes->items) {
      std::string type = volume.TextOf("type");
      std::string source = volume.TextOf("source");
      if (!IsOneOf(type, {"bind", "volume", "tmpfs"}))
        Bad(volume.place, "volumes have the type bind, volume or tmpfs");
      else if (type == "bind" && !source.starts_with('/'))
        Bad(volume.place, "a bind needs a path as its source");
      else if (type == "tmpfs" && !source.empty())
        Bad(volume.place, "a tmpfs has no source");
      else if (type == "volume" && !source.empty())
        CheckReference("volumes", source, volume.place);
      if (!volume.TextOf("target").starts_with('/'))
        Bad(volume.place, "the target of a volume is an absolute path in the container");
    }
  }

  void CheckReferences(const char* section) {
    const Value* files = service_.Find(section);
    if (files == nullptr) return;
    for (const Value& file : files->items) {
      CheckReference(section, file.TextOf("source"), file.place);
      if (file.TextOf("target").contains(".."))
        Bad(file.place, "the target of a secret or config has no \"..\"");
    }
  }

  void CheckDependencies() {
    const Value* dependencies = service_.Find("depends_on");
    if (dependencies == nullptr) return;
    const Value* services = document_.Find("services");
    for (const Member& dependency : dependencies->members) {
      std::string condition = dependency.value.TextOf("condition");
      if (!IsOneOf(condition, {"service_started", "service_healthy", "service_completed_successfully"}))
        Bad(dependency.place,
            "the condition is service_started, service_healthy or service_completed_successfully");
      const Value* required = dependency.value.Find("required");
      if (services->Find(dependency.key) != nullptr || (required != nullptr && !required->IsTrue())) continue;
      auto idle = idle_.find(dependency.key);
      if (idle != idle_.end()) {
        Bad(dependency.place, "depends on " + dependency.key + ", which is in the profile " + idle->second +
                                  ": choose it with --profile");
        continue;
      }
      std::vector<std::string> known;
      for (const Member& service : services->members) known.push_back(service.key);
      std::string nearest = Nearest(dependency.key, known);
      Bad(dependency.place, "depends on " + dependency.key + ", which is no service" +
                                (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
  }

  // A value that deploy has, too, has to be the same.
  void CheckTwice(const char* key, const Value* deploy, const char* other) {
    const Value* own = service_.Find(key);
    std::string deployed = deploy == nullptr ? "" : deploy->TextOf(other);
    if (own != nullptr && !deployed.empty() && own->text != deployed)
      Bad(own->place,
          std::string(key) + " is " + own->text + ", and deploy says " + deployed + ": remove one");
  }

  void CheckScale() {
    const Value* deploy = service_.Find("deploy");
    const Value* resources = deploy == nullptr ? nullptr : deploy->Find("resources");
    const Value* limits = resources == nullptr ? nullptr : resources->Find("limits");
    CheckTwice("scale", deploy, "replicas");
    CheckTwice("cpus", limits, "cpus");
    CheckTwice("mem_limit", limits, "memory");
    CheckTwice("pids_limit", limits, "pids");
    if (service_.Find("container_name") == nullptr) return;
    std::string replicas = deploy == nullptr ? "" : deploy->TextOf("replicas");
    for (const std::string& scale : {service_.TextOf("scale"), replicas})
      if (scale != "" && scale != "0" && scale != "1")
        Bad(place_, "has container_name, so there can be only one container of it");
  }

  const Value& document_;
  const std::map<std::string, std::string>& idle_;
  const std::string& name_;
  const Value& service_;
  const Place& place_;
  Problems& problems_;
};

// Depth first; `path` has the services on the way.
class CircleCheck {
 public:
  CircleCheck(const Value& services, Problems& problems) : services_(services), problems_(problems) {}

  void Run() {
    for (const Member& service : services_.members) Visit(service.key);
  }

 private:
  void Visit(const std::string& name) {
    const Value* service = services_.Find(name);
    if (service == nullptr || done_.contains(name)) return;
    if (std::ranges::find(path_, name) != path_.end()) {
      problems_.Add(service->place, "services." + name + ": depends on itself by way of " + path_.back());
      return;
    }
    path_.push_back(name);
    if (const Value* dependencies = service->Find("depends_on"))
      for (const Member& dependency : dependencies->members) Visit(dependency.key);
    path_.pop_back();
    done_.insert(name);
  }

  const Value& services_;
  Problems& problems_;
  std::vector<std::string> path_;
  std::set<std::string> done_;
};

void CheckFiles(const Value& document, const char* section, Problems& problems) {
  const Value* files = document.Find(section);
  if (files == nullptr) return;
  for (const Member& file : files->members) {
    int sources = 0;
    for (const char* key : {"file", "environment", "content"}) sources += file.value.Find(key) != nullptr;
    if (sources != 1)
      problems.Add(file.place,
                   std::string(section) + "." + file.key + ": needs one of file, environment and content");
  }
}

void CheckDrivers(const Value& document, const char* section, std::string_view driver, Problems& problems) {
  const Value* members = document.Find(section);
  if (members == nullptr) return;
  for (const Member& member : members->members) {
    std::string given = member.value.TextOf("driver");
    if (!IsOneOf(given, {"", "default", driver}))
      problems.Add(member.place, std::string(section) + "." + member.key + ": the driver " + given +
                                     " is not supported: use " + std::string(driver));
  }
}

}  // namespace

void Check(const Value& document, const std::map<std::string, std::string>& idle, Problems& problems) {
  const Value* services = document.Find("services");
  if (services == nullptr) return;
  for (const Member& service : services->members) ServiceCheck(document, idle, service, problems).Run();
  CircleCheck(*services, problems).Run();
  CheckFiles(document, "secrets", problems);
  CheckFiles(document, "configs", problems);
  CheckDrivers(document, "networks", "bridge", problems);
  CheckDrivers(document, "volumes", "local", problems);
}

}  // namespace davit::cli::compose
