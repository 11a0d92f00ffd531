// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/plugin_config.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "base/file_io.h"

namespace davit {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxConfigBytes = 1 << 20;
constexpr size_t kMaxDiagnostics = 2048;  // of stderr, in an error

// Error codes of section 5 that mean something to a caller.
constexpr int kInvalidNetworkConfig = 7, kTryAgainLater = 11, kPluginNotAvailable = 50, kPluginLimited = 51;

// Without exceptions: a discarded value where the text is not JSON.
Json Parse(const std::string& text) {
  return Json::parse(text, nullptr, /*allow_exceptions=*/false);
}

std::string StringAt(const Json& object, const char* key) {
  if (!object.is_object()) return {};
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// Bytes that are not UTF-8 must not throw.
std::string Dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::unexpected<Error> Bad(const std::string& file, std::string_view why) {
  return Fail(Code::kInvalidArgument, "read network configuration", file, why);
}

Result<PluginConfig> ParsePlugin(const PluginList& list, Json object) {
  PluginConfig plugin;
  plugin.type = StringAt(object, "type");
  if (plugin.type.empty()) return Bad(list.file, "a plugin without a type");
  if (plugin.type.contains('/') || plugin.type.starts_with('.'))
    return Bad(list.file, "type " + plugin.type + " is not a file name");
  if (auto it = object.find("capabilities"); it != object.end() && it->is_object())
    plugin.port_mappings = it->value("portMappings", Json()) == true;
  object["name"] = list.name;
  object["cniVersion"] = list.version;
  plugin.json = Dump(object);
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

// Whether an entry of `ips` is on an interface inside the pod; those without an interface are.
bool InPod(const Json& result, const Json& ip) {
  auto index = ip.find("interface");
  auto interfaces = result.find("interfaces");
  if (index == ip.end() || !index->is_number_unsigned() || interfaces == result.end()) return true;
  size_t i = index->get<size_t>();
  return interfaces->is_array() && i < interfaces->size() && !StringAt((*interfaces)[i], "sandbox").empty();
}

Json PortMappingsJson(const std::vector<PortMapping>& ports) {
  Json list = Json::array();
  for (const PortMapping& port : ports) {
    Json entry = {{"hostPort", port.host_port},
                  {"containerPort", port.container_port},
                  {"protocol", std::string(ProtocolName(port.protocol))}};
    if (!port.host_ip.empty()) entry["hostIP"] = port.host_ip;
    list.push_back(std::move(entry));
  }
  return list;
}

Code CodeOf(const Json& code) {
  if (!code.is_number_integer()) return Code::kInternal;
  switch (code.get<int>()) {
    case kInvalidNetworkConfig:
      return Code::kFailedPrecondition;
    case kTryAgainLater:
    case kPluginNotAvailable:
    case kPluginLimited:
      return Code::kUnavailable;
    default:
      return Code::kInternal;
  }
}

}  // namespace

bool PluginList::IsAtLeast(int major, int minor) const {
  int have_major = 0;
  int have_minor = 0;
  const char* end = version.data() + version.size();
  auto [dot, error] = std::from_chars(version.data(), end, have_major);
  if (error != std::errc{}) return false;
  if (dot != end) std::from_chars(dot + 1, end, have_minor);
  return have_major != major ? have_major > major : have_minor >= minor;
}

Result<PluginList> LoadPluginList(const std::string& conf_dir) {
  std::vector<std::string> files = TRY(ConfigFiles(conf_dir));
  if (files.empty()) return Fail(Code::kNotFound, "read network configuration", conf_dir, "no file in it");
  return ParsePluginList(files.front(), TRY(ReadFile(files.front(), kMaxConfigBytes)));
}

Result<PluginList> ParsePluginList(const std::string& file, const std::string& text) {
  Json config = Parse(text);
  if (!config.is_object()) return Bad(file, "not a JSON object");
  PluginList list{file, StringAt(config, "name"), StringAt(config, "cniVersion"), text, {}, {}};
  if (auto it = config.find("disableGC"); it != config.end()) list.disable_gc = *it == true;
  if (list.name.empty()) return Bad(file, "no name");
  if (list.version.empty()) return Bad(file, "no cniVersion");
  if (!list.IsAtLeast(0, 3)) return Bad(file, "cniVersion " + list.version + " is older than 0.3.0");
  if (!file.ends_with(".conflist")) {
    list.plugins.push_back(TRY(ParsePlugin(list, std::move(config))));
    return list;
  }
  auto plugins = config.find("plugins");
  if (plugins == config.end() || !plugins->is_array() || plugins->empty()) return Bad(file, "no plugins");
  for (Json& plugin : *plugins) list.plugins.push_back(TRY(ParsePlugin(list, std::move(plugin))));
  return list;
}

std::string PluginInput(const PluginConfig& plugin, const std::vector<PortMapping>& ports,
                        const std::string& previous) {
  Json input = Parse(plugin.json);
  input.erase("capabilities");  // for the runtime only
  if (plugin.port_mappings && !ports.empty())
    input["runtimeConfig"]["portMappings"] = PortMappingsJson(ports);
  if (!previous.empty()) input["prevResult"] = Parse(previous);
  return Dump(input);
}

std::string CollectInput(const PluginConfig& plugin, const std::vector<std::string>& ids,
                         const std::string& interface) {
  Json input = Parse(plugin.json);
  input.erase("capabilities");
  Json& attachments = input["cni.dev/valid-attachments"] = Json::array();
  for (const std::string& id : ids) attachments.push_back({{"containerID", id}, {"ifname", interface}});
  return Dump(input);
}

Result<std::vector<IpAddress>> AddressesInResult(const std::string& result) {
  Json json = Parse(result);
  if (!json.is_object()) return Fail(Code::kInternal, "read result", "network plugin", "not a JSON object");
  std::vector<IpAddress> addresses;
  std::vector<IpAddress> of_ipv6;
  auto ips = json.find("ips");
  if (ips == json.end() || !ips->is_array()) return addresses;
  for (const Json& ip : *ips) {
    std::string address = StringAt(ip, "address");  // "10.1.0.5/16"
    if (address.empty() || !InPod(json, ip)) continue;
    IpAddress parsed = TRY(IpAddress::Parse(address.substr(0, address.find('/'))));
    (parsed.family == AF_INET ? addresses : of_ipv6).push_back(parsed);
  }
  addresses.insert(addresses.end(), of_ipv6.begin(), of_ipv6.end());
  return addresses;
}

Error PluginFailure(const std::string& type, const std::string& command, const std::string& output,
                    const std::string& diagnostics) {
  Error error{Code::kInternal, 0, "network plugin " + command, type, {}};
  Json answer = Parse(output);
  if (answer.is_object() && answer.contains("msg")) {
    error.code = CodeOf(answer.value("code", Json()));
    error.context = StringAt(answer, "msg");
    if (std::string details = StringAt(answer, "details"); !details.empty()) error.context += ": " + details;
  } else {
    error.context = diagnostics.substr(0, kMaxDiagnostics);
    while (error.context.ends_with('\n')) error.context.pop_back();
  }
  if (error.context.empty()) error.context = "failed without a reason";
  return error;
}

}  // namespace davit
