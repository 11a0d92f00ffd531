// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/advice.h"

#include "images/registry_host.h"

namespace davit::images {
namespace {

std::string FileOf(const HostPlace& place) {
  std::string file = HostsFileFor(place.registry, place.certs_d);
  return file.empty() ? "the hosts.toml of " + place.registry : file;
}

std::string TableOf(const HostPlace& place, const std::string& scheme) {
  return "[host.\"" + scheme + "://" + place.host + "\"] in " + FileOf(place);
}

std::string NoTls(const HostPlace& place) {
  if (place.mirror) return "; to use it without TLS, name it " + TableOf(place, "http");
  return "; to use it without TLS, write server = \"http://" + place.host + "\" into " + FileOf(place);
}

std::string UnknownCa(const HostPlace& place) {
  return "; to trust the CA that has signed it, write ca = \"FILE\" into " +
         (place.mirror ? TableOf(place, "https") : FileOf(place));
}

}  // namespace

HostPlace PlaceOf(const Url& url, const std::string& certs_d) {
  bool default_port = url.port == (url.scheme == "https" ? "443" : "80");
  std::string host = default_port ? url.host : url.HostPort();
  return {host, host, certs_d};
}

std::string TlsAdvice(const HttpResponse& response, const HostPlace& place) {
  if (response.not_tls) return NoTls(place);
  switch (response.distrust) {
    case Distrust::kUnknownCa:
      return UnknownCa(place);
    case Distrust::kNotValidNow:
      return "; renew the certificate, or correct this node's clock";
    case Distrust::kNone:
    case Distrust::kOther:
      return "";
  }
  return "";
}

std::string ConnectionAdvice(Unreachable how) {
  switch (how) {
    case Unreachable::kNoAddress:
      return "; check the name of the registry, and this node's DNS";
    case Unreachable::kNoConnection:
      return "; check this node's network and firewalls, and whether davitd needs a proxy";
    case Unreachable::kNoProxy:
      return "; check the proxy that davitd is configured to use for it";
    case Unreachable::kOther:
      return "";
  }
  return "";
}

std::string BusyAdvice(int status) {
  return status == 429 ? "; it limits how much is pulled: use credentials, or a mirror" : "";
}

std::string PullAdvice(const RefusedPull& refused) {
  switch (refused.code) {
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      if (refused.logged_in) return "; check the credentials, and whether they permit to pull this image";
      return "; if it exists, it needs credentials for " + std::string(refused.registry) +
             ", in Kubernetes an image pull secret";
    case Code::kNotFound:
      return refused.by_tag ? "; check the name and the tag" : "; the registry may have removed it";
    default:
      return "";
  }
}

}  // namespace davit::images
