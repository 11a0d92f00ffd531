// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/registry_host.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/file_io.h"

namespace davit::images {
namespace {

constexpr std::string_view kDockerHost = "docker.io";
constexpr std::string_view kDockerRegistry = "registry-1.docker.io";

struct HostAndPort {
  std::string name;  // an IPv6 address without its brackets
  std::string port;  // empty when there is none
};

HostAndPort Split(const std::string& host) {
  size_t colon = host.rfind(':');
  size_t bracket = host.rfind(']');
  bool has_port = colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  HostAndPort parts{host.substr(0, has_port ? colon : host.size()), has_port ? host.substr(colon + 1) : ""};
  if (parts.name.starts_with('[') && parts.name.ends_with(']'))
    parts.name = parts.name.substr(1, parts.name.size() - 2);
  return parts;
}

// The server that a reference itself names, for an entry that names none.
void FillDefaultServer(const std::string& host, RegistryHost& entry) {
  entry.host = host == kDockerHost ? std::string(kDockerRegistry) : host;
  entry.scheme = "https";
  entry.path = "/v2";
  entry.pull = entry.resolve = entry.push = true;
  auto [name, port] = Split(host);
  if (host == kDockerHost || !IsLoopback(name)) return;
  // A local registry is a developer's: its certificate is not checked, and it may well speak plain http.
  if (port == "80") {
    entry.scheme = "http";
  } else {
    entry.tls.skip_verify = true;
    entry.http_fallback = !port.empty() && port != "443";
  }
}

Result<bool> Exists(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return SystemError("stat", path);
}

// Empty when nothing is configured for the host.
Result<std::string> FindHostDir(const std::string& host, const std::string& certs_d) {
  std::vector<std::string> names;
  if (size_t colon = host.rfind(':'); colon != std::string::npos) {
    names.push_back(host.substr(0, colon) + "_" + host.substr(colon + 1) + "_");
  }
  names.push_back(host);
  names.push_back("_default");
  for (size_t pos = 0; pos < certs_d.size();) {
    size_t end = std::min(certs_d.find(':', pos), certs_d.size());
    std::string root = certs_d.substr(pos, end - pos);
    pos = end + 1;
    if (root.empty()) continue;
    for (const std::string& name : names) {
      std::string dir = root + "/" + name;
      if (TRY(Exists(dir))) return dir;
    }
  }
  return std::string();
}

Result<RegistryHost> ReadCertificateFiles(const std::string& dir) {
  RegistryHost host;
  std::vector<std::string> files;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(dir, error); !error && entry != decltype(entry)();
       entry.increment(error)) {
    if (!entry->is_directory(error)) files.push_back(entry->path().string());
  }
  if (error) return SystemError("read directory", dir, error.value());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    if (file.ends_with(".crt")) host.tls.ca_files.push_back(file);
    if (!file.ends_with(".cert")) continue;
    std::string key = file.substr(0, file.size() - 5) + ".key";
    host.tls.client_pairs.emplace_back(file, TRY(Exists(key)) ? key : "");
  }
  return host;
}

// What the directory of a host says. An entry with an empty `host` means the host itself.
Result<std::vector<RegistryHost>> ReadHostDir(const std::string& dir) {
  auto file = ReadFile(dir + "/hosts.toml");
  if (!file && file.error().os_errno != ENOENT) return std::unexpected(file.error());
  if (!file || file->empty()) return std::vector<RegistryHost>{TRY(ReadCertificateFiles(dir))};
  auto hosts = ParseHostsToml(*file, dir);
  if (!hosts) return std::unexpected(Within(dir, std::move(hosts).error()));
  return hosts;
}

}  // namespace

Result<std::vector<RegistryHost>> RegistryHostsFor(const std::string& host, const std::string& certs_d) {
  std::string dir = TRY(FindHostDir(host, certs_d));
  std::vector<RegistryHost> hosts(1);
  if (!dir.empty()) hosts = TRY(ReadHostDir(dir));
  for (RegistryHost& entry : hosts) {
    if (entry.host.empty()) FillDefaultServer(host, entry);
  }
  return hosts;
}

std::string HostsFileFor(const std::string& host, const std::string& certs_d) {
  std::string root = certs_d.substr(0, certs_d.find(':'));
  std::string own = root.empty() ? "" : root + "/" + host;
  auto dir = FindHostDir(host, certs_d);
  bool exists = dir && !dir->empty() && !dir->ends_with("/_default");  // others use that one, too
  std::string used = exists ? *dir : own;
  return used.empty() ? "" : used + "/hosts.toml";
}

Result<TlsSettings> ConfiguredTls(const Url& url, const std::string& certs_d) {
  bool default_port = url.port == (url.scheme == "https" ? "443" : "80");
  std::string dir = TRY(FindHostDir(default_port ? url.host : url.HostPort(), certs_d));
  if (dir.empty()) return TlsSettings();
  for (RegistryHost& entry : TRY(ReadHostDir(dir))) {
    auto named = ParseUrl(entry.BaseUrl());
    if (entry.host.empty() || (named && named->HostPort() == url.HostPort())) return std::move(entry.tls);
  }
  return TlsSettings();
}

}  // namespace davit::images
