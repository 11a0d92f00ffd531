// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>

#include "images/proxy_settings.h"
#include "images/registry_host.h"

namespace davit::images {
namespace {

std::unexpected<Error> Refuse(std::string_view key, std::string_view why) {
  return Fail(Code::kInvalidArgument, "parse hosts.toml", key, why);
}

std::string Below(const std::string& dir, const std::string& file) {
  return (std::filesystem::path(dir) / file).string();  // an absolute `file` stays what it is
}

Result<std::string> AsString(const toml::node& node, std::string_view key) {
  auto value = node.value_exact<std::string>();
  if (!value) return Refuse(key, "not a string");
  return *value;
}

// A string, or a list of strings.
Result<std::vector<std::string>> AsStrings(const toml::node& node, std::string_view key) {
  std::vector<std::string> strings;
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& item : *list) strings.push_back(TRY(AsString(item, key)));
  } else {
    strings.push_back(TRY(AsString(node, key)));
  }
  return strings;
}

Result<bool> AsBool(const toml::node& node, std::string_view key) {
  auto value = node.value_exact<bool>();
  if (!value) return Refuse(key, "neither true nor false");
  return *value;
}

// Go's time.ParseDuration, as far as a timeout needs it: "30s", "1m30s", "1.5s", "250ms".
Result<int64_t> AsMilliseconds(const std::string& text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {
      {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}};
  double total = 0;
  const char* at = text.data();
  const char* end = at + text.size();
  if (at == end) return Refuse("dial_timeout", "empty");
  while (at != end) {
    double number = 0;
    auto [rest, error] = std::from_chars(at, end, number, std::chars_format::fixed);
    if (error != std::errc() || number < 0) return Refuse("dial_timeout", "not a duration: " + text);
    std::string_view tail(rest, static_cast<size_t>(end - rest));
    auto unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                             [tail](auto& u) { return tail.starts_with(u.first); });
    if (unit == std::end(kUnits)) return Refuse("dial_timeout", "not a duration: " + text);
    total += number * unit->second;
    at = rest + unit->first.size();
  }
  constexpr double kLongest = 24 * 3600e3;
  if (total > kLongest) return Refuse("dial_timeout", "longer than a day: " + text);
  return static_cast<int64_t>(total);
}

Result<> ReadCapabilities(const toml::node& node, RegistryHost& host) {
  std::vector<std::string> names = TRY(AsStrings(node, "capabilities"));
  if (names.empty()) return {};
  host.pull = host.resolve = host.push = false;
  for (std::string& name : names) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    if (name == "pull") {
      host.pull = true;
    } else if (name == "resolve") {
      host.resolve = true;
    } else if (name == "push") {
      host.push = true;
    } else if (name != "referrers") {
      return Refuse("capabilities", "unknown capability \"" + name + "\"");
    }
  }
  return {};
}

// "file", ["file", ...] with certificate and key in one file each, or [["certificate", "key"], ...].
Result<> ReadClientPairs(const toml::node& node, const std::string& dir, RegistryHost& host) {
  const toml::array* list = node.as_array();
  if (!list) {
    host.tls.client_pairs.emplace_back(Below(dir, TRY(AsString(node, "client"))), "");
    return {};
  }
  for (const toml::node& item : *list) {
    std::vector<std::string> pair = TRY(AsStrings(item, "client"));
    if (item.is_array() && pair.size() != 2) return Refuse("client", "not a pair of certificate and key");
    host.tls.client_pairs.emplace_back(Below(dir, pair[0]), pair.size() == 2 ? Below(dir, pair[1]) : "");
  }
  return {};
}

Result<> ReadHeaders(const toml::node& node, RegistryHost& host) {
  const toml::table* table = node.as_table();
  if (!table) return Refuse("header", "not a table");
  for (auto&& [name, value] : *table) {
    for (std::string& text : TRY(AsStrings(value, "header"))) {
      // A line break would smuggle in further headers.
      auto breaks = [](std::string_view part) {
        return part.find_first_of(std::string_view("\r\n\0", 3)) != part.npos;
      };
      if (name.str().empty() || name.str().find(':') != std::string_view::npos || breaks(name.str()) ||
          breaks(text)) {
        return Refuse("header", "malformed name or value");
      }
      host.headers.emplace_back(name.str(), std::move(text));
    }
  }
  return {};
}

// "https://mirror:5000/path"; without a scheme it is https.
Result<> ReadUrl(std::string url, bool override_path, RegistryHost& host) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) url.insert(0, "https://");
  size_t host_start = url.find("://") + 3;
  size_t host_end = std::min(url.find_first_of("/?#", host_start), url.size());
  host.scheme = url.substr(0, host_start - 3);
  host.host = url.substr(host_start, host_end - host_start);
  if (host.host.empty() || host.host.find_first_of("@ \\\"") != std::string::npos) {
    return Refuse(url.substr(0, host_start), "no usable host in the URL");
  }
  std::string path = url.substr(host_end, url.find_first_of("?#", host_end) - host_end);
  path = std::filesystem::path("/" + path).lexically_normal().string();
  while (path.ends_with('/')) path.pop_back();
  if (!override_path && !path.ends_with("/v2")) path += "/v2";
  host.path = path;
  return {};
}

Result<std::string> ReadProxy(const toml::node& node) {
  std::string text = TRY(AsString(node, "proxy"));
  if (text == "none") return "";
  auto proxy = ParseProxy(std::move(text));
  if (!proxy) return Refuse("proxy", "neither \"none\" nor the URL of a proxy");
  return proxy;
}

// The keys that the file itself and each [host] table share.
Result<RegistryHost> ReadHost(const std::string& url, const toml::table& table, const std::string& dir) {
  RegistryHost host;
  std::optional<bool> skip_verify;
  bool override_path = false;
  for (auto&& [key, value] : table) {
    std::string_view name = key.str();
    if (name == "capabilities") TRY(ReadCapabilities(value, host));
    if (name == "client") TRY(ReadClientPairs(value, dir, host));
    if (name == "header") TRY(ReadHeaders(value, host));
    if (name == "skip_verify") skip_verify = TRY(AsBool(value, name));
    if (name == "proxy") host.proxy = TRY(ReadProxy(value));
    if (name == "override_path") override_path = TRY(AsBool(value, name));
    if (name == "dial_timeout") host.dial_timeout_ms = TRY(AsMilliseconds(TRY(AsString(value, name))));
    if (name != "ca") continue;
    for (const std::string& file : TRY(AsStrings(value, name))) host.tls.ca_files.push_back(Below(dir, file));
  }
  host.tls.skip_verify = skip_verify.value_or(false);
  if (!url.empty()) TRY(ReadUrl(url, override_path, host));
  bool tls_configured = skip_verify || !host.tls.ca_files.empty() || !host.tls.client_pairs.empty();
  if (host.scheme == "http" && tls_configured && !host.host.ends_with(":80")) {
    host.scheme = "https";
    host.http_fallback = true;
  }
  return host;
}

Result<std::vector<RegistryHost>> ReadFileTable(const toml::table& file, const std::string& dir) {
  struct Entry {
    toml::source_position position;
    std::string url;
    const toml::table* table;
  };
  std::vector<Entry> entries;
  if (const toml::node* hosts = file.get("host")) {
    if (!hosts->is_table()) return Refuse("host", "not a table");
    for (auto&& [url, node] : *hosts->as_table()) {
      if (!node.is_table()) return Refuse(url.str(), "not a table");
      if (url.str().empty()) return Refuse("host", "a table without a URL");
      entries.push_back({url.source().begin, std::string(url.str()), node.as_table()});
    }
  }
  // The parser keeps tables by name; their order in the file is the order in which they are tried.
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.position < b.position; });

  std::vector<RegistryHost> hosts;
  for (const Entry& entry : entries) {
    hosts.push_back(TRY(ReadHost(entry.url, *entry.table, dir)));
    hosts.back().mirror = true;
  }
  const toml::node* server = file.get("server");
  hosts.push_back(TRY(ReadHost(server ? TRY(AsString(*server, "server")) : "", file, dir)));
  return hosts;
}

}  // namespace

Result<std::vector<RegistryHost>> ParseHostsToml(std::string_view text, const std::string& dir) {
  try {
    return ReadFileTable(toml::parse(text), dir);
  } catch (const toml::parse_error& error) {
    std::string line = "line " + std::to_string(error.source().begin.line);
    return Refuse(line, error.description());
  }
}

}  // namespace davit::images
