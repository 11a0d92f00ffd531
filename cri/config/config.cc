// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/config/config.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "base/file_io.h"
#include "cri/config/values.h"

namespace davit::cri {
namespace {

using Strings = std::vector<std::string>;

constexpr char kStep[] = "read configuration";

// A key takes a value of each type that has a setter.
struct Key {
  std::string_view name;
  Complaint (*set_string)(Config&, const std::string&) = nullptr;
  Complaint (*set_list)(Config&, const Strings&) = nullptr;
  bool& (*boolean)(Config&) = nullptr;
  Complaint (*set_integer)(Config&, int64_t) = nullptr;
};

// Stores `value` unless there is a complaint about it.
template <typename T>
Complaint Store(T& place, const T& value, Complaint complaint) {
  if (!complaint) place = value;
  return complaint;
}

Complaint SetPath(std::string& place, const std::string& value) {
  return Store(place, value, CheckAbsolutePath(value));
}

// Empty: none.
Complaint SetFile(std::string& place, const std::string& value) {
  return Store(place, value, value.empty() ? std::nullopt : CheckAbsolutePath(value));
}

Complaint SetDuration(int64_t& place, const std::string& value) {
  std::optional<int64_t> parsed = ParseDuration(value);
  if (!parsed) return '"' + value + "\" is not a duration such as \"30s\", \"10m\" or \"4h\"";
  return Store(place, *parsed, std::nullopt);
}

Complaint SetKeepUnfinished(Config& config, const std::string& value) {
  int64_t& place = config.image.keep_unfinished_ms;
  return value == "0" ? Store(place, int64_t{0}, std::nullopt) : SetDuration(place, value);
}

Complaint SetLogLevel(Config& config, const std::string& value) {
  constexpr std::array<std::pair<std::string_view, LogLevel>, 4> kLevels = {{{"debug", LogLevel::kDebug},
                                                                             {"info", LogLevel::kInfo},
                                                                             {"warning", LogLevel::kWarning},
                                                                             {"error", LogLevel::kError}}};
  for (const auto& [name, level] : kLevels) {
    if (name == value) return Store(config.log_level, level, std::nullopt);
  }
  return '"' + value + "\" is not one of debug, info, warning, error";
}

Complaint SetCgroupDriver(Config& config, const std::string& value) {
  constexpr std::array<std::pair<std::string_view, CgroupDriverChoice>, 3> kDrivers = {
      {{"auto", CgroupDriverChoice::kAuto},
       {"cgroupfs", CgroupDriverChoice::kCgroupfs},
       {"systemd", CgroupDriverChoice::kSystemd}}};
  for (const auto& [name, driver] : kDrivers) {
    if (name == value) return Store(config.cgroup.driver, driver, std::nullopt);
  }
  return '"' + value + "\" is not one of auto, cgroupfs, systemd";
}

Complaint SetSocketcall(Config& config, const std::string& value) {
  if (value != "deny" && value != "allow") return '"' + value + "\" is neither \"deny\" nor \"allow\"";
  return Store(config.seccomp.allow_socketcall, value == "allow", std::nullopt);
}

Complaint SetDirectories(Strings& place, const Strings& value) {
  for (const std::string& dir : value) {
    if (Complaint complaint = CheckAbsolutePath(dir)) return complaint;
  }
  return Store(place, value, std::nullopt);
}

Complaint SetBinDirs(Config& config, const Strings& value) {
  if (value.empty()) return "names no directory";
  return SetDirectories(config.network.bin_dirs, value);
}

Complaint SetNetworkMode(Config& config, const std::string& value) {
  if (value == "bridge") return Store(config.network.mode, std::optional(NetworkMode::kBridge), std::nullopt);
  if (value == "cni") return Store(config.network.mode, std::optional(NetworkMode::kPlugins), std::nullopt);
  return '"' + value + "\" is neither \"bridge\" nor \"cni\"";
}

Complaint SetSubnetSource(Config& config, const std::string& value) {
  if (value != "pod-cidr") return '"' + value + "\" is neither \"pod-cidr\" nor a list of subnets";
  config.network.bridge.subnets_set = true;
  return Store(config.network.bridge.pod_cidr, true, std::nullopt);
}

Complaint SetSubnets(Config& config, const Strings& value) {
  Complaint complaint = Store(config.network.bridge.subnets, value, CheckSubnets(value));
  config.network.bridge.subnets_set = true;
  return complaint ? complaint : Store(config.network.bridge.pod_cidr, false, std::nullopt);
}

Complaint SetMaxVerifiers(Config& config, int64_t value) {
  if (!std::in_range<int>(value)) return "is no whole number of 32 bits";
  config.image.verifier.max_verifiers = static_cast<int>(value);
  return std::nullopt;
}

Complaint SetSpeed(int64_t& place, int64_t value) {
  constexpr int64_t kFastest = int64_t{1} << 40;
  if (value < 0 || value > kFastest) return std::to_string(value) + " is no number of bytes per second";
  return Store(place, value, std::nullopt);
}

Complaint SetMtu(Config& config, int64_t value) {
  constexpr int64_t kSmallest = 1280, kLargest = 65535;  // what IPv6 needs, and what the kernel can
  if (value < kSmallest || value > kLargest)
    return std::to_string(value) + " is not an MTU from 1280 to 65535";
  config.network.bridge.follow_uplink = false;
  return Store(config.network.bridge.mtu, value, std::nullopt);
}

Complaint SetMtuSource(Config& config, const std::string& value) {
  if (value != "auto") return '"' + value + "\" is not \"auto\"; a number has no quotes";
  return Store(config.network.bridge.follow_uplink, true, std::nullopt);
}

Complaint SetPinned(Config& config, const Strings& value) {
  bool empty = std::ranges::find(value, "") != value.end();
  return Store(config.image.pinned, value,
               empty ? Complaint("an empty pattern matches nothing") : std::nullopt);
}

Complaint SetDefaultUlimits(Config& config, const Strings& value) {
  auto ulimits = ParseUlimits(value);
  if (!ulimits) return ulimits.error();
  config.container.default_ulimits = std::move(*ulimits);
  return std::nullopt;
}

constexpr std::array kKeys = {
    Key{"root", [](Config& c, const std::string& v) { return SetPath(c.root, v); }},
    Key{"state", [](Config& c, const std::string& v) { return SetPath(c.state, v); }},
    Key{"listen", [](Config& c, const std::string& v) { return Store(c.listen, v, CheckListenAddress(v)); }},
    Key{"log_level", SetLogLevel},
    Key{"registry.config_path",
        [](Config& c, const std::string& v) { return SetFile(c.registry.config_path, v); }},
    Key{"cgroup.driver", SetCgroupDriver},
    Key{"cgroup.root",
        [](Config& c, const std::string& v) {
          return Store(c.cgroup.root, v, CheckAbsolutePath(v, /*root_allowed=*/true));
        }},
    Key{"cgroup.scope_prefix",
        [](Config& c, const std::string& v) { return Store(c.cgroup.scope_prefix, v, CheckUnitPrefix(v)); }},
    Key{"cdi.spec_dirs", nullptr,
        [](Config& c, const Strings& v) { return SetDirectories(c.cdi.spec_dirs, v); }},
    Key{"container.default_ulimits", nullptr, SetDefaultUlimits},
    Key{"image.pinned", nullptr, SetPinned},
    Key{"image.keep_unfinished", SetKeepUnfinished},
    Key{"image.keep_blobs", nullptr, nullptr, [](Config& c) -> bool& { return c.image.keep_blobs; }},
    Key{"image.min_speed", nullptr, nullptr, nullptr,
        [](Config& c, int64_t v) { return SetSpeed(c.image.min_speed, v); }},
    Key{"image.fair_speed", nullptr, nullptr, nullptr,
        [](Config& c, int64_t v) { return SetSpeed(c.image.fair_speed, v); }},
    Key{"image.preload_dir", [](Config& c, const std::string& v) { return SetFile(c.image.preload_dir, v); }},
    Key{"image.verifier.bin_dir",
        [](Config& c, const std::string& v) { return SetFile(c.image.verifier.bin_dir, v); }},
    Key{"image.verifier.max_verifiers", nullptr, nullptr, nullptr, SetMaxVerifiers},
    Key{"image.verifier.per_verifier_timeout",
        [](Config& c, const std::string& v) {
          return SetDuration(c.image.verifier.per_verifier_timeout_ms, v);
        }},
    Key{"network.mode", SetNetworkMode},
    Key{"network.conf_dir", [](Config& c, const std::string& v) { return SetPath(c.network.conf_dir, v); }},
    Key{"network.bin_dirs", nullptr, SetBinDirs},
    Key{"network.cache_dir", [](Config& c, const std::string& v) { return SetPath(c.network.cache_dir, v); }},
    Key{"network.unprivileged_ports", nullptr, nullptr,
        [](Config& c) -> bool& { return c.network.unprivileged_ports; }},
    Key{"network.unprivileged_icmp", nullptr, nullptr,
        [](Config& c) -> bool& { return c.network.unprivileged_icmp; }},
    Key{"network.bridge.name",
        [](Config& c, const std::string& v) { return Store(c.network.bridge.name, v, CheckLinkName(v)); }},
    Key{"network.bridge.subnets", SetSubnetSource, SetSubnets},
    Key{"network.bridge.mtu", SetMtuSource, nullptr, nullptr, SetMtu},
    Key{"network.bridge.masquerade", nullptr, nullptr,
        [](Config& c) -> bool& { return c.network.bridge.masquerade; }},
    Key{"network.bridge.no_masquerade", nullptr,
        [](Config& c, const Strings& v) {
          return Store(c.network.bridge.no_masquerade, v, CheckNetworks(v));
        }},
    Key{"seccomp.socketcall", SetSocketcall},
    Key{"streaming.address",
        [](Config& c,
           const std::string& v) { return Store(c.streaming.address, v, CheckNumericAddress(v)); }},
    Key{"streaming.idle_timeout",
        [](Config& c, const std::string& v) { return SetDuration(c.streaming.idle_timeout_ms, v); }},
    Key{"streaming.creation_timeout",
        [](Config& c, const std::string& v) { return SetDuration(c.streaming.creation_timeout_ms, v); }},
    Key{"streaming.tls_cert_file",
        [](Config& c, const std::string& v) { return SetFile(c.streaming.tls_cert_file, v); }},
    Key{"streaming.tls_key_file",
        [](Config& c, const std::string& v) { return SetFile(c.streaming.tls_key_file, v); }},
};

// Keys of each table [handlers.NAME].
struct HandlerKey {
  std::string_view name;
  Complaint (*set_string)(HandlerSettings&, const std::string&);
};

Complaint SetHandlerType(HandlerSettings& handler, const std::string& value) {
  if (value == "davit") return Store(handler.type, HandlerType::kDavit, std::nullopt);
  if (value == "oci") return "handlers of type \"oci\" are not supported yet: use \"davit\"";
  return '"' + value + "\" is not a type of handler: use \"davit\"";
}

constexpr std::array kHandlerKeys = {HandlerKey{"type", SetHandlerType}};
constexpr char kHandlers[] = "handlers";

const Key* FindKey(std::string_view name) {
  auto found = std::ranges::find(kKeys, name, &Key::name);
  return found == kKeys.end() ? nullptr : &*found;
}

bool IsTable(std::string_view name) {
  return std::ranges::any_of(kKeys, [name](const Key& key) {
    return key.name.size() > name.size() && key.name.starts_with(name) && key.name[name.size()] == '.';
  });
}

std::unexpected<Error> Complain(const std::string& file, const toml::source_region& where,
                                std::string_view what) {
  std::string line = std::to_string(where.begin.line);
  return Fail(Code::kInvalidArgument, kStep, file + ":" + line, what);
}

// The strings of a list, or a complaint when something else is among them.
Complaint CopyStrings(const toml::array& from, Strings& to) {
  for (const toml::node& item : from) {
    const auto* text = item.as_string();
    if (text == nullptr) return "must be a list of strings";
    to.push_back(text->get());
  }
  return std::nullopt;
}

Complaint SetList(Config& config, const Key& key, const toml::array& array) {
  Strings list;
  if (Complaint complaint = CopyStrings(array, list)) return complaint;
  return key.set_list(config, list);
}

Complaint SetKey(Config& config, const Key& key, const toml::node& value) {
  const auto* text = value.as_string();
  if (text != nullptr && key.set_string != nullptr) return key.set_string(config, text->get());
  const auto* boolean = value.as_boolean();
  if (boolean != nullptr && key.boolean != nullptr)
    return Store(key.boolean(config), boolean->get(), std::nullopt);
  const auto* integer = value.as_integer();
  if (integer != nullptr && key.set_integer != nullptr) return key.set_integer(config, integer->get());
  const toml::array* array = value.as_array();
  if (array != nullptr && key.set_list != nullptr) return SetList(config, key, *array);

  std::string types;
  if (key.set_string != nullptr) types = "a string";
  if (key.set_list != nullptr) types += (types.empty() ? "" : " or ") + std::string("a list of strings");
  if (key.boolean != nullptr) types = "true or false";
  if (key.set_integer != nullptr) types += (types.empty() ? "" : " or ") + std::string("a whole number");
  return "must be " + types;
}

Result<> ApplyHandler(HandlerSettings& handler, const toml::table& table, const std::string& prefix,
                      const std::string& file) {
  for (const auto& [key_text, value] : table) {
    std::string name = prefix + std::string(key_text.str());
    auto key = std::ranges::find(kHandlerKeys, key_text.str(), &HandlerKey::name);
    if (key == kHandlerKeys.end()) return Complain(file, key_text.source(), "unknown key " + name);
    const auto* text = value.as_string();
    Complaint complaint = text ? key->set_string(handler, text->get()) : Complaint("must be a string");
    if (complaint) return Complain(file, value.source(), name + ": " + *complaint);
  }
  return {};
}

Result<> ApplyHandlers(HandlerTable& handlers, const toml::node& node, const std::string& file) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return Complain(file, node.source(), "handlers: must be a table");
  for (const auto& [key_text, value] : *table) {
    std::string name(key_text.str());
    if (Complaint complaint = CheckHandlerName(name))
      return Complain(file, key_text.source(), "handlers: " + *complaint);
    const toml::table* inner = value.as_table();
    if (inner == nullptr) return Complain(file, value.source(), "handlers." + name + ": must be a table");
    TRY(ApplyHandler(handlers[name], *inner, "handlers." + name + ".", file));
  }
  return {};
}

// `prefix` is the table's name with a dot behind it, or empty for the whole file.
Result<> ApplyTable(Config& config, const toml::table& table, const std::string& prefix,
                    const std::string& file) {
  for (const auto& [key_text, value] : table) {
    std::string name = prefix + std::string(key_text.str());
    if (name == kHandlers) {
      TRY(ApplyHandlers(config.handlers, value, file));
    } else if (const Key* key = FindKey(name)) {
      Complaint complaint = SetKey(config, *key, value);
      if (complaint) return Complain(file, value.source(), name + ": " + *complaint);
    } else if (!IsTable(name)) {
      return Complain(file, key_text.source(), "unknown key " + name);
    } else if (const toml::table* inner = value.as_table()) {
      TRY(ApplyTable(config, *inner, name + ".", file));
    } else {
      return Complain(file, value.source(), name + ": must be a table");
    }
  }
  return {};
}

Result<> ApplyFile(Config& config, const std::string& file) {
  std::string text = TRY(ReadFile(file, 1 << 20));
  try {
    return ApplyTable(config, toml::parse(text, file), "", file);
  } catch (const toml::parse_error& error) {
    return Complain(file, error.source(), error.description());
  }
}

// The *.toml files of `directory` in lexical order; none when it does not exist.
Result<Strings> DropIns(const std::filesystem::path& directory) {
  Strings files;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".toml") files.push_back(entry->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return SystemError(kStep, directory.string(), error.value());
  }
  std::ranges::sort(files);
  return files;
}

Result<Config> LoadFiles(const std::string& file, MissingFile missing) {
  Config config;
  Result<> main = ApplyFile(config, file);
  bool absent = !main && main.error().os_errno == ENOENT && missing == MissingFile::kIsEmpty;
  if (!main && !absent) return std::unexpected(std::move(main).error());
  for (const std::string& drop_in : TRY(DropIns(std::filesystem::path(file).parent_path() / "config.d"))) {
    TRY(ApplyFile(config, drop_in));
  }
  return config;
}

}  // namespace

Result<Config> LoadConfig(const std::string& file, MissingFile missing) {
  try {
    Config config = TRY(LoadFiles(file, missing));
    if (config.streaming.tls_cert_file.empty() != config.streaming.tls_key_file.empty()) {
      return Fail(Code::kInvalidArgument, kStep, file,
                  "streaming.tls_cert_file and streaming.tls_key_file go together");
    }
    return config;
  } catch (const std::exception& error) {
    return Fail(Code::kInternal, kStep, file, error.what());
  }
}

Result<> OverrideConfig(Config& config, std::string_view name, const std::string& value,
                        std::string_view flag) {
  const Key* key = FindKey(name);
  if (key == nullptr || key->set_string == nullptr) {
    return Fail(Code::kInternal, kStep, flag, "no string key " + std::string(name));
  }
  if (Complaint complaint = key->set_string(config, value)) {
    return Fail(Code::kInvalidArgument, kStep, flag, *complaint);
  }
  return {};
}

std::string RegistryConfigPath(const RegistryConfig& config) {
  constexpr char kOurs[] = "/etc/davit/certs.d";
  constexpr char kContainerds[] = "/etc/containerd/certs.d";
  if (!config.config_path.empty()) return config.config_path;
  return access(kOurs, F_OK) == 0 ? kOurs : kContainerds;
}

std::string SocketPath(const Config& config) {
  return config.listen.substr(std::string_view("unix://").size());
}

std::vector<std::string> ConfigKeys() {
  std::vector<std::string> names;
  for (const Key& key : kKeys) names.emplace_back(key.name);
  for (const HandlerKey& key : kHandlerKeys) names.push_back("handlers.NAME." + std::string(key.name));
  return names;
}

}  // namespace davit::cri
