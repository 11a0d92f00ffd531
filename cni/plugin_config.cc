// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/file_io.h"
#include "base/json.h"
#include "base/json_line.h"
#include "base/plain_name.h"

namespace davit::cni {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxConfigBytes = 1 << 20;

bool IsTrue(const Json* value) {
  return value != nullptr && JsonBool(*value) == true;
}

// Of the whole network: libcni also reads "true", "True", "TRUE" and "1" as true.
bool IsSet(const Json& config, std::string_view name) {
  std::string text = JsonTextMember(config, name);
  return IsTrue(JsonMember(config, name)) || text == "true" || text == "True" || text == "TRUE" ||
         text == "1";
}

std::pair<int, int> MajorAndMinor(const std::string& version) {
  std::pair<int, int> parsed{0, 0};
  const char* end = version.data() + version.size();
  auto [dot, error] = std::from_chars(version.data(), end, parsed.first);
  if (error == std::errc{} && dot != end) std::from_chars(dot + 1, end, parsed.second);
  return parsed;
}

// A file for runtimes of several releases lists all versions that it is good for.
std::string ChooseVersion(const Json& config) {
  std::string chosen = JsonTextMember(config, "cniVersion");
  const Json* others = JsonMember(config, "cniVersions");
  if (others == nullptr || !others->is_array()) return chosen;
  for (const Json& other : *others) {
    const std::string* version = JsonText(other);
    if (version == nullptr || MajorAndMinor(*version) > MajorAndMinor(kNewestCniVersion)) continue;
    if (MajorAndMinor(*version) > MajorAndMinor(chosen)) chosen = *version;
  }
  return chosen;
}

std::string Print(std::span<const JsonStep> path) {
  std::string text;
  for (const JsonStep& step : path) {
    if (const auto* name = std::get_if<std::string_view>(&step))
      text += (text.empty() ? "" : ".") + std::string(*name);
    else
      text += "[" + std::to_string(std::get<size_t>(step)) + "]";
  }
  return text;
}

// The error names file, line and key.
std::unexpected<Error> Bad(const PluginList& list, const std::vector<JsonStep>& path, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read network configuration",
              list.file + ":" + std::to_string(JsonLine(list.text, path)),
              Print(path) + ": " + std::string(why));
}

// `path` leads to the plugin.
Result<PluginConfig> ParsePlugin(const PluginList& list, Json object, std::vector<JsonStep> path) {
  PluginConfig plugin;
  plugin.type = JsonTextMember(object, "type");
  path.emplace_back("type");
  if (plugin.type.empty()) return Bad(list, path, "the plugin has none");
  if (plugin.type.find_first_of(std::string_view("/\0", 2)) != plugin.type.npos ||
      plugin.type.starts_with('.'))
    return Bad(list, path, plugin.type + " is not a file name");
  if (const Json* capabilities = JsonMember(object, "capabilities");
      capabilities && capabilities->is_object())
    for (const auto& [name, declared] : capabilities->items())
      if (IsTrue(&declared)) plugin.capabilities.insert(name);
  SetJsonMember(object, "name", list.name);
  SetJsonMember(object, "cniVersion", list.version);
  plugin.json = PrintJson(object);
  return plugin;
}

Result<std::vector<std::string>> ConfigFiles(const std::string& conf_dir) {
  std::vector<std::string> files;
  std::error_code error;
  for (std::filesystem::directory_iterator it(conf_dir, error), end; !error && it != end;
       it.increment(error)) {
    std::string extension = it->path().extension();
    if (extension == ".conflist" || extension == ".conf" || extension == ".json") files.push_back(it->path());
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return SystemError("read directory", conf_dir, error.value());
  std::ranges::sort(files);
  return files;
}

}  // namespace

bool PluginList::IsAtLeast(int major, int minor) const {
  return MajorAndMinor(version) >= std::pair(major, minor);
}

bool PluginList::Has(const PluginConfig& plugin) const {
  return std::ranges::find(plugins, plugin.json, &PluginConfig::json) != plugins.end();
}

Result<PluginList> LoadPluginList(const std::string& conf_dir) {
  std::vector<std::string> files = TRY(ConfigFiles(conf_dir));
  if (files.empty()) return Fail(Code::kNotFound, "read network configuration", conf_dir, "no file in it");
  return ParsePluginList(files.front(), TRY(ReadFile(files.front(), kMaxConfigBytes)));
}

Result<PluginList> ParsePluginList(const std::string& file, const std::string& text) {
  Json config = TRY(ParseJson(text, file));
  PluginList list{
      .file = file, .name = JsonTextMember(config, "name"), .version = ChooseVersion(config), .text = text};
  if (!config.is_object()) return Bad(list, {}, "the file is not a JSON object");
  list.disable_check = IsSet(config, "disableCheck");
  list.disable_gc = IsSet(config, "disableGC");
  if (list.name.empty()) return Bad(list, {"name"}, "the network has none");
  if (!IsPlainName(list.name))  // it becomes a part of file names
    return Bad(list, {"name"}, list.name + " has other characters than letters, digits, '_', '.' and '-'");
  if (list.version.empty()) return Bad(list, {"cniVersion"}, "the network has none");
  if (!list.IsAtLeast(0, 3)) return Bad(list, {"cniVersion"}, list.version + " is older than 0.3.0");
  if (!file.ends_with(".conflist")) {
    list.plugins.push_back(TRY(ParsePlugin(list, std::move(config), {})));
    return list;
  }
  const Json* plugins = JsonMember(config, "plugins");
  if (plugins == nullptr || !plugins->is_array() || plugins->empty())
    return Bad(list, {"plugins"}, "not a list of plugins");
  for (size_t i = 0; i < plugins->size(); ++i)
    list.plugins.push_back(TRY(ParsePlugin(list, (*plugins)[i], {"plugins", i})));
  return list;
}

std::string PluginInput(const PluginConfig& plugin, const CapabilityArguments& arguments,
                        const std::string& previous) {
  Json input = JsonOrNull(plugin.json);
  EraseJsonMember(input, "capabilities");  // for the runtime only
  for (const auto& [capability, value] : arguments)
    if (plugin.capabilities.contains(capability))
      SetJsonMember(JsonObjectMember(input, "runtimeConfig"), capability, JsonOrNull(value));
  if (Json result = JsonOrNull(previous); result.is_object())
    SetJsonMember(input, "prevResult", std::move(result));
  return PrintJson(input);
}

std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface) {
  Json input = JsonOrNull(plugin.json);
  EraseJsonMember(input, "capabilities");
  Json attachments = Json::array();
  for (const std::string& id : ids) attachments.push_back({{"containerID", id}, {"ifname", interface}});
  SetJsonMember(input, "cni.dev/attachments", attachments);  // the name in an earlier text of version 1.1
  SetJsonMember(input, "cni.dev/valid-attachments", std::move(attachments));
  return PrintJson(input);
}

}  // namespace davit::cni
