// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/model/file_set.h"

#include <algorithm>
#include <filesystem>

#include "cli/compose/model/canonical.h"
#include "cli/compose/model/env_file.h"
#include "cli/compose/model/merge.h"
#include "cli/compose/model/short_forms.h"
#include "cli/compose/model/yaml.h"

namespace davit::cli::compose {
namespace {

constexpr int kMostIncludeDepth = 8;
constexpr size_t kMostExtends = 32;  // one over the other
constexpr const char* kSections[] = {"services", "networks", "volumes", "secrets", "configs"};

std::string HomeOf(const Environment& environment) {
  auto home = environment.find("HOME");
  return home == environment.end() ? "" : home->second;
}

// Without places.
bool Same(const Value& a, const Value& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() ||
      a.members.size() != b.members.size())
    return false;
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!Same(a.items[i], b.items[i])) return false;
  return std::ranges::all_of(a.members, [&b](const Member& member) {
    const Value* other = b.Find(member.key);
    return other != nullptr && Same(member.value, *other);
  });
}

std::string DirectoryOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

}  // namespace

std::optional<Value> FileSet::Read(const std::vector<std::string>& files, const std::string& directory,
                                   const Environment& environment) {
  return ReadAll(files, {directory, environment});
}

std::optional<Value> FileSet::ReadAll(const std::vector<std::string>& files, const Scope& scope) {
  std::optional<Value> all;
  for (const std::string& file : files) {
    std::optional<Value> one = ReadOne(file, scope);
    if (!one) return std::nullopt;
    all = all ? Merge(std::move(*all), *one, FileRule()) : std::move(*one);
  }
  return all;
}

std::optional<Value> FileSet::ReadOne(const std::string& file, const Scope& scope) {
  std::optional<Value> model = ReadCanonical(file, scope);
  if (!model) return std::nullopt;
  Extend(*model, scope);
  Include(*model, file, scope);
  return model;
}

std::optional<Value> FileSet::ReadCanonical(const std::string& file, const Scope& scope) {
  Place at{std::make_shared<const std::string>(file), 1};
  if (++files_ > kMostFiles) {
    problems_.Add(at, "a project has at most " + std::to_string(kMostFiles) + " files");
    return std::nullopt;
  }
  Result<std::string> text = read_(file);
  if (!text || text->size() > kMostFileBytes) {
    problems_.Add(at, text ? "is larger than 4 MiB" : text.error().ToString());
    return std::nullopt;
  }
  std::optional<Value> tree = ParseYaml(*text, file, problems_);
  if (!tree) return std::nullopt;
  Interpolation interpolation(scope.environment);
  interpolation.ReplaceIn(*tree, problems_);
  unset_.insert(interpolation.unset().begin(), interpolation.unset().end());
  return Canonical(*tree, FileRule(), {scope.directory, HomeOf(scope.environment), &problems_});
}

void FileSet::Include(Value& model, const std::string& file, const Scope& scope) {
  const Value* includes = model.Find("include");
  if (includes == nullptr) return;
  if (scope.depth >= kMostIncludeDepth) {
    problems_.Add(includes->place, "include nests too deeply: does " + file + " include itself?");
    return;
  }
  for (const Value& entry : std::vector<Value>(includes->items))
    if (std::optional<Value> included = Included(entry, scope)) Import(model, *included);
  model.Erase("include");
}

std::optional<Value> FileSet::Included(const Value& entry, const Scope& scope) {
  Surroundings around{scope.directory, HomeOf(scope.environment), &problems_};
  std::vector<std::string> files;
  if (const Value* paths = entry.Find("path"))
    for (const Value& path : paths->items) files.push_back(AbsolutePath(path.text, around));
  if (files.empty()) {
    problems_.Add(entry.place, "include needs a path");
    return std::nullopt;
  }
  std::string directory = entry.TextOf("project_directory");
  directory = directory.empty() ? DirectoryOf(files[0]) : AbsolutePath(directory, around);
  std::vector<std::string> env_files = {directory + "/.env"};
  const Value* named = entry.Find("env_file");
  if (named != nullptr) {
    env_files.clear();
    for (const Value& path : named->items) env_files.push_back(AbsolutePath(path.text, around));
  }
  Environment environment;
  for (const std::string& path : env_files) {
    Result<std::string> text = read_(path);
    if (!text && named == nullptr && text.error().code == Code::kNotFound) continue;
    Result<Environment> variables =
        text ? ParseEnvFile(*text, path, scope.environment) : std::unexpected(text.error());
    if (!variables) {
      problems_.Add(entry.place, variables.error().ToString());
      return std::nullopt;
    }
    for (auto& [name, value] : *variables) environment[name] = std::move(value);
  }
  for (const auto& [name, value] : scope.environment) environment[name] = value;
  return ReadAll(files, {directory, environment, scope.depth + 1});
}

// Nothing of the two may differ.
void FileSet::Import(Value& model, const Value& included) {
  for (const char* section : kSections) {
    const Value* theirs = included.Find(section);
    if (theirs == nullptr) continue;
    Value* ours = model.Find(section);
    if (ours == nullptr) ours = &model.Set(section, MapValue(theirs->place));
    for (const Member& member : theirs->members) {
      const Value* same = ours->Find(member.key);
      if (same == nullptr)
        ours->members.push_back(member);
      else if (!Same(*same, member.value))
        problems_.Add(same->place,
                      std::string(section) + "." + member.key +
                          " is in an included file, too, with other settings: " + member.place.ToString());
    }
  }
}

void FileSet::Extend(Value& model, const Scope& scope) {
  Value* services = model.Find("services");
  if (services == nullptr) return;
  const Value original = *services;
  for (Member& service : services->members) {
    if (service.value.Find("extends") == nullptr) continue;
    std::vector<std::string> chain;
    std::optional<Value> extended = Extended(original, service.key, scope, chain);
    if (extended) service.value = std::move(*extended);
  }
}

// `chain` has what is being extended, to find circles.
std::optional<Value> FileSet::Extended(const Value& services, const std::string& name, const Scope& scope,
                                       std::vector<std::string>& chain) {
  const Value* service = services.Find(name);
  if (service == nullptr) return std::nullopt;
  const Value* extends = service->Find("extends");
  if (extends == nullptr) return *service;
  std::optional<Value> base = BaseOf(services, *extends, scope, chain);
  if (!base) return std::nullopt;
  Value own = *service;
  own.Erase("extends");
  Value merged = Merge(std::move(*base), own, ServiceRule());
  merged.place = service->place;
  return merged;
}

std::optional<Value> FileSet::BaseOf(const Value& services, const Value& extends, const Scope& scope,
                                     std::vector<std::string>& chain) {
  const std::string name = extends.TextOf("service");
  const std::string file = extends.TextOf("file");
  const std::string path = file.empty() ? "" : AbsolutePath(file, {scope.directory, "", nullptr});
  const std::string link = (path.empty() ? scope.file : path) + "#" + name;
  if (std::ranges::find(chain, link) != chain.end() || chain.size() >= kMostExtends) {
    problems_.Add(extends.place, "extends goes in a circle, or too far, at the service " + name);
    return std::nullopt;
  }
  chain.push_back(link);
  const Value* from = &services;
  if (!path.empty()) {
    if (!extended_files_.contains(path)) {
      std::optional<Value> model = ReadCanonical(path, {DirectoryOf(path), scope.environment, scope.depth});
      if (!model) return std::nullopt;
      extended_files_[path] = std::move(*model);
    }
    from = extended_files_[path].Find("services");
  }
  if (from == nullptr || from->Find(name) == nullptr) {
    problems_.Add(extends.place, "extends a service that " + (file.empty() ? "this file" : path) +
                                     " does not have: \"" + name + "\"");
    return std::nullopt;
  }
  if (path.empty()) return Extended(*from, name, scope, chain);
  return Extended(*from, name, {DirectoryOf(path), scope.environment, scope.depth, path}, chain);
}

}  // namespace davit::cli::compose
