// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/compose/attachments.h"
#include "cli/compose/config_hash.h"
#include "cli/compose/container_request.h"
#include "cli/compose/model/print.h"
#include "cli/compose/model/text_forms.h"
#include "cli/compose/project_files.h"
#include "cli/compose/verbs.h"
#include "cli/text.h"

namespace davit::cli::compose {
namespace {

std::vector<std::string> KeysOf(const Project& project, const char* section) {
  std::vector<std::string> keys;
  if (const Value* members = project.document.Find(section))
    for (const Member& member : members->members) keys.push_back(member.key);
  std::ranges::sort(keys);
  return keys;
}

Result<std::string> HashLines(const Project& project, const std::string& which) {
  const Attachments attachments = TRY(ReadAttachments(project));
  std::vector<std::string> names = which == "*" ? std::vector<std::string>() : SplitText(which, ',');
  std::string lines;
  for (const std::string& name : TRY(project.InOrder(names, /*with_dependencies=*/false)))
    lines += name + " " + ConfigHash(project, project.Named(name), attachments) + "\n";
  return lines;
}

// Names, one a line, if the options ask for some.
std::optional<std::vector<std::string>> NamesFor(const Project& project, const Config& options) {
  if (options.services) return KeysOf(project, "services");
  if (options.volumes) return KeysOf(project, "volumes");
  if (options.networks) return KeysOf(project, "networks");
  std::set<std::string> names;
  if (options.images)
    for (const auto& [name, service] : project.services) names.insert(ImageOf(project, service));
  if (options.profiles) {
    for (const auto& [name, profile] : project.idle) names.insert(profile);
    for (const auto& [name, service] : project.services)
      if (const Value* profiles = service.definition.Find("profiles"))
        for (const Value& profile : profiles->items) names.insert(profile.text);
  }
  if (!options.images && !options.profiles) return std::nullopt;
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace

Result<int> PrintConfig(const Console& console, const ProjectOptions& project_options,
                        const Config& options) {
  if (options.format != "yaml" && options.format != "json")
    return Fail(Code::kInvalidArgument, "--format", options.format, "write yaml or json");
  const Project project = TRY(OpenProject(console, project_options));
  if (options.quiet) return 0;
  if (options.hash) {
    TRY(console.Print(TRY(HashLines(project, *options.hash))));
    return 0;
  }
  if (std::optional<std::vector<std::string>> names = NamesFor(project, options)) {
    for (const std::string& name : *names) TRY(console.Print(Printable(name) + "\n"));
    return 0;
  }
  if (options.format == "json" || console.format == OutputFormat::kJson)
    TRY(console.PrintJson(JsonOf(project.document)));
  else
    TRY(console.Print(YamlOf(project.document)));
  return 0;
}

Result<int> Do(const Context& context, const Config& options) {
  return PrintConfig(context.session.console, context.options, options);
}

}  // namespace davit::cli::compose
