// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/normalize.h"

#include <algorithm>
#include <set>
#include <utility>

#include "cli/compose/model/env_file.h"
#include "cli/compose/model/text_forms.h"

namespace davit::cli::compose {
namespace {

std::vector<std::string> TextsOf(const Value* list) {
  std::vector<std::string> texts;
  if (list != nullptr)
    for (const Value& item : list->items) texts.push_back(item.text);
  return texts;
}

std::vector<Member>& MembersOf(Value& document, const char* section) {
  Value* found = document.Find(section);
  if (found == nullptr) found = &document.Set(section, MapValue(document.place));
  return found->members;
}

bool IsChosen(const std::vector<std::string>& profiles, const std::vector<std::string>& chosen) {
  return profiles.empty() || std::ranges::any_of(chosen, [&](const std::string& choice) {
           return choice == "*" || std::ranges::find(profiles, choice) != profiles.end();
         });
}

// Adds the file's variables to `variables`.
Result<> ReadEnvFile(const Value& entry, const Environment& around, const ReadText& read,
                     Environment& variables) {
  const std::string path = entry.TextOf("path");
  Result<std::string> text = read(path);
  const Value* required = entry.Find("required");
  bool optional = required != nullptr && !required->IsTrue();
  if (!text && optional && text.error().code == Code::kNotFound) return {};
  if (!text) return std::unexpected(text.error());
  const std::string format = entry.TextOf("format");
  if (!format.empty() && format != "raw")
    return Fail(Code::kInvalidArgument, "env_file", path, "the format is raw, or left out");
  Environment read_variables =
      TRY(format == "raw" ? ParseRawEnvFile(*text, path, around) : ParseEnvFile(*text, path, around));
  for (auto& [name, value] : read_variables) variables[name] = std::move(value);
  return {};
}

void ResolveEnvironment(Value& service, const Environment& around, const ReadText& read, Problems& problems) {
  Value own = service.Find("environment") == nullptr ? MapValue(service.place) : *service.Find("environment");
  Environment known = around;
  for (Member& member : own.members) {
    auto found = around.find(member.key);
    if (member.value.IsNull() && found != around.end()) member.value = TextValue(found->second, member.place);
    if (!member.value.IsNull()) known[member.key] = member.value.text;
  }
  Environment variables;
  if (const Value* files = service.Find("env_file")) {
    for (const Value& entry : files->items) {
      Result<> added = ReadEnvFile(entry, known, read, variables);
      if (!added) problems.Add(entry.place, added.error().ToString());
    }
  }
  for (const auto& [name, value] : variables)
    if (own.Find(name) == nullptr) own.Set(name, TextValue(value, service.place));
  service.Erase("env_file");
  if (!own.members.empty()) service.Set("environment", std::move(own));
}

void FillInService(Value& service) {
  if (service.Find("networks") == nullptr && service.Find("network_mode") == nullptr) {
    Value networks = MapValue(service.place);
    networks.Set("default", NullValue(service.place));
    service.Set("networks", std::move(networks));
  }
  for (const char* key : {"command", "entrypoint"})
    if (service.Find(key) == nullptr) service.Set(key, NullValue(service.place));
  if (Value* build = service.Find("build"); build != nullptr && build->Find("dockerfile") == nullptr)
    build->Set("dockerfile", TextValue("Dockerfile", build->place));
  if (service.TextOf("pull_policy") == "if_not_present")
    service.Set("pull_policy", TextValue("missing", service.place));
  for (const char* key : {"secrets", "configs"}) {
    Value* files = service.Find(key);
    if (files == nullptr) continue;
    for (Value& file : files->items) {
      std::string target = key == std::string("secrets") ? "/run/secrets/" : "/";
      if (file.Find("target") == nullptr)
        file.Set("target", TextValue(target + file.TextOf("source"), file.place));
    }
  }
  if (const Value* links = service.Find("links")) {
    Value entry = MapValue(links->place);
    entry.Set("condition", TextValue("service_started", links->place));
    entry.Set("required", BoolValue(true, links->place));
    entry.Set("restart", BoolValue(true, links->place));
    Value* dependencies = service.Find("depends_on");
    if (dependencies == nullptr) dependencies = &service.Set("depends_on", MapValue(links->place));
    for (const std::string& link : TextsOf(service.Find("links"))) {
      std::string name = link.substr(0, link.find(':'));
      if (dependencies->Find(name) == nullptr) dependencies->Set(name, entry);
    }
  }
}

// The keys of a section that services use.
std::set<std::string> UsedKeys(const Value& document, const std::string& section) {
  std::set<std::string> used;
  const Value* services = document.Find("services");
  if (services == nullptr) return used;
  for (const Member& service : services->members) {
    const Value* uses = service.value.Find(section);
    if (uses == nullptr) continue;
    for (const Member& member : uses->members) used.insert(member.key);
    for (const Value& item : uses->items)
      if (section != "volumes" || item.TextOf("type") == "volume") used.insert(item.TextOf("source"));
  }
  return used;
}

void FillInSection(Value& document, const char* section, const std::string& project) {
  std::set<std::string> used = UsedKeys(document, section);
  std::vector<Member>& members = MembersOf(document, section);
  bool networks = section == std::string("networks");
  if (networks && used.contains("default") && document.Find(section)->Find("default") == nullptr)
    members.push_back({"default", document.place, MapValue(document.place)});
  std::erase_if(members, [&used](const Member& member) { return !used.contains(member.key); });
  for (Member& member : members) {
    const Value* external = member.value.Find("external");
    bool own_name = external != nullptr && external->IsTrue();
    if (external != nullptr && !own_name) member.value.Erase("external");
    if (member.value.Find("name") == nullptr)
      member.value.Set("name", TextValue(own_name ? member.key : project + "_" + member.key, member.place));
    if (networks && member.value.Find("ipam") == nullptr) member.value.Set("ipam", MapValue(member.place));
  }
  if (members.empty()) document.Erase(section);
}

}  // namespace

std::map<std::string, std::string> KeepChosen(Value& document, const LoadRequest& request) {
  std::vector<Member>& services = MembersOf(document, "services");
  std::vector<std::string> chosen = request.profiles;
  for (const Member& service : services) {
    if (std::ranges::find(request.chosen, service.key) == request.chosen.end()) continue;
    for (std::string& profile : TextsOf(service.value.Find("profiles"))) chosen.push_back(std::move(profile));
  }
  std::map<std::string, std::string> idle;
  for (const Member& service : services) {
    std::vector<std::string> profiles = TextsOf(service.value.Find("profiles"));
    if (!IsChosen(profiles, chosen)) idle[service.key] = profiles[0];
  }
  std::erase_if(services, [&idle](const Member& service) { return idle.contains(service.key); });
  return idle;
}

void ResolveEnvironments(Value& document, const Environment& around, const ReadText& read,
                         Problems& problems) {
  for (Member& service : MembersOf(document, "services"))
    ResolveEnvironment(service.value, around, read, problems);
}

void FillIn(Value& document, const std::string& project) {
  document.Set("name", TextValue(project, document.place));
  for (Member& service : MembersOf(document, "services")) FillInService(service.value);
  for (const char* section : {"networks", "volumes", "secrets", "configs"})
    FillInSection(document, section, project);
}

}  // namespace davit::cli::compose
