package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/signalcraft/signalcraft/api"
)

// Settings are the installation's settings; every command takes them all.
type Settings struct {
	ConfigFile kong.ConfigFlag `name:"config" type:"existingfile" env:"SIGNALCRAFT_CONFIG" help:"YAML file with settings, named as the flags are." group:"Settings"`

	DataDir     string `default:"./data" env:"SIGNALCRAFT_DATA_DIR" help:"Folder that holds all state: lake, Postgres, cache, inbox." group:"Settings"`
	DatabaseURL string `env:"DATABASE_URL" secret:"" help:"Postgres 15 or newer, as a role that may create schemas and roles. Without it the binary runs its own in the data folder." group:"Settings"`
	PostgresBin string `env:"SIGNALCRAFT_POSTGRES_BIN" help:"Folder of the Postgres programs. Default: the newest found on this machine." group:"Settings"`
	LakeDir     string `env:"SIGNALCRAFT_LAKE_DIR" help:"Folder of the lake. Default: lake in the data folder." group:"Settings"`
	Listen      string `default:"127.0.0.1:8080" env:"SIGNALCRAFT_LISTEN" help:"Address the API listens on." group:"Settings"`

	AllowNetworks  []netip.Prefix `env:"SIGNALCRAFT_ALLOW_NETWORKS" sep:"," placeholder:"CIDR" help:"Networks that KPI sources may reach although they are not public, such as 10.1.0.0/16." group:"Settings"`
	AllowPorts     []uint16       `env:"SIGNALCRAFT_ALLOW_PORTS" sep:"," placeholder:"PORT" help:"Ports that KPI sources may reach beyond 80, 443, 8080, 8443 and, for databases, 5432 and 6432." group:"Settings"`
	AllowFilePaths bool           `env:"SIGNALCRAFT_ALLOW_FILE_PATHS" help:"Let file sources, which only the operator makes, name absolute paths outside the inbox." group:"Settings"`
	UploadMB       int            `name:"upload-mb" default:"200" env:"SIGNALCRAFT_UPLOAD_MB" help:"Largest file that people may send, in MiB." group:"Settings"`

	SecretKeys      string         `env:"SIGNALCRAFT_SECRET_KEYS" secret:"" help:"Keys that seal secrets in Postgres: 32 bytes in base64, several separated by commas; the first seals, all open. Default: secret.key in the data folder." group:"Service"`
	OperatorMFA     bool           `name:"operator-mfa" env:"SIGNALCRAFT_OPERATOR_MFA" help:"Demand a second factor of operators." group:"Service"`
	RateLimits      string         `env:"SIGNALCRAFT_RATE_LIMITS" placeholder:"NAME=N/SPAN,..." help:"Changes of rate limits, such as account=1200/1m,login=5/1m; 0 requests switch one off." group:"Service"`
	LimitsInMemory  bool           `env:"SIGNALCRAFT_LIMITS_IN_MEMORY" help:"Keep all rate limits in each process instead of those that guard accounts in Postgres." group:"Service"`
	TrustedProxies  []netip.Prefix `env:"SIGNALCRAFT_TRUSTED_PROXIES" sep:"," placeholder:"CIDR" help:"Networks of the proxies in front, whose word on a caller's address is believed." group:"Service"`
	ForwardedHeader string         `env:"SIGNALCRAFT_FORWARDED_HEADER" enum:"X-Forwarded-For,Forwarded" default:"X-Forwarded-For" help:"Header in which they say it." group:"Service"`
	AllowedOrigins  []string       `env:"SIGNALCRAFT_ALLOWED_ORIGINS" sep:"," placeholder:"ORIGIN" help:"Web origins whose pages may call the service, such as https://app.example.com." group:"Service"`
	HSTS            time.Duration  `name:"hsts" env:"SIGNALCRAFT_HSTS" help:"How long browsers shall use TLS only; set it behind TLS alone." group:"Service"`
	MaxRequests     int            `default:"512" env:"SIGNALCRAFT_MAX_REQUESTS" help:"Requests answered at once; more get 503." group:"Service"`
	CacheMB         int            `name:"cache-mb" default:"96" env:"SIGNALCRAFT_CACHE_MB" help:"Memory for answers kept until the next run publishes, in MiB; 0 keeps none." group:"Service"`

	SnapshotDays int `default:"7" env:"SIGNALCRAFT_SNAPSHOT_DAYS" help:"Days that old versions of the lake's tables can be read for; 0 keeps them for ever. What is erased goes at once." group:"Settings"`

	MemoryMB int `default:"1024" env:"SIGNALCRAFT_MEMORY_MB" help:"Memory that a DuckDB session may use, in MiB." group:"Settings"`
	Threads  int `default:"0" env:"SIGNALCRAFT_THREADS" help:"Threads for models; 0 means every core." group:"Settings"`
	Workers  int `default:"4" env:"SIGNALCRAFT_WORKERS" help:"Jobs that one process runs at once." group:"Settings"`

	LogLevel  slog.Level `default:"info" env:"SIGNALCRAFT_LOG_LEVEL" help:"debug, info, warn or error." group:"Settings"`
	LogFormat string     `default:"text" enum:"text,json" env:"SIGNALCRAFT_LOG_FORMAT" help:"text or json." group:"Settings"`

	GdeltURL         string        `default:"https://api.gdeltproject.org" env:"SIGNALCRAFT_GDELT_URL" help:"GDELT DOC API." group:"Upstreams"`
	GdeltInterval    time.Duration `default:"5500ms" env:"SIGNALCRAFT_GDELT_INTERVAL" help:"Pause between requests to GDELT; its public service asks for more than five seconds." group:"Upstreams"`
	GdeltFilesURL    string        `default:"http://data.gdeltproject.org" env:"SIGNALCRAFT_GDELT_FILES_URL" help:"GDELT's 15-minute files, which tell the tone of articles in other languages than English." group:"Upstreams"`
	OpenMeteoURL     string        `default:"https://api.open-meteo.com" env:"SIGNALCRAFT_OPEN_METEO_URL" help:"Open-Meteo forecast API." group:"Upstreams"`
	OpenMeteoArchive string        `default:"https://archive-api.open-meteo.com" env:"SIGNALCRAFT_OPEN_METEO_ARCHIVE_URL" help:"Open-Meteo archive API." group:"Upstreams"`
	GeonamesURL      string        `default:"https://secure.geonames.org" env:"SIGNALCRAFT_GEONAMES_URL" help:"GeoNames API." group:"Upstreams"`
	GeonamesUser     string        `env:"SIGNALCRAFT_GEONAMES_USER" secret:"" help:"GeoNames user name; places are not looked up without one." group:"Upstreams"`
	RatesURL         string        `default:"https://api.frankfurter.dev" env:"SIGNALCRAFT_RATES_URL" help:"Frankfurter exchange rates." group:"Upstreams"`

	PublicURL    string `name:"public-url" env:"SIGNALCRAFT_PUBLIC_URL" help:"Where people open the product, such as https://numbers.example.com; links in mails begin with it. Without it mails show tokens and commands." group:"Mail"`
	SMTPHost     string `name:"smtp-host" env:"SIGNALCRAFT_SMTP_HOST" help:"Mail server. Without one, mails are written to the folder outbox in the data folder." group:"Mail"`
	SMTPPort     int    `name:"smtp-port" default:"0" env:"SIGNALCRAFT_SMTP_PORT" help:"Its port; 0 means 587, with implicit TLS 465, without TLS 25." group:"Mail"`
	SMTPUser     string `name:"smtp-user" env:"SIGNALCRAFT_SMTP_USER" help:"Name to sign in to it; empty means without." group:"Mail"`
	SMTPPassword string `name:"smtp-password" env:"SIGNALCRAFT_SMTP_PASSWORD" secret:"" help:"Password to sign in to it." group:"Mail"`
	SMTPFrom     string `name:"smtp-from" env:"SIGNALCRAFT_SMTP_FROM" help:"Sender of mails, such as \"SignalCraft <no-reply@example.com>\"; required with a mail server." group:"Mail"`
	SMTPTLS      string `name:"smtp-tls" default:"starttls" enum:"starttls,implicit,none" env:"SIGNALCRAFT_SMTP_TLS" help:"starttls, implicit or none; none is for a server on the same machine." group:"Mail"`
}

// Validate names the setting that is wrong.
func (s *Settings) Validate() error {
	if s.DataDir == "" {
		return fmt.Errorf("--data-dir: must name a folder")
	}
	if s.Threads < 0 || s.Workers < 1 || s.MemoryMB < 64 {
		return fmt.Errorf("--threads must be 0 or more, --workers 1 or more and --memory-mb 64 or more; got %d, %d and %d", s.Threads, s.Workers, s.MemoryMB)
	}
	if s.MaxRequests < 1 || s.CacheMB < 0 || s.HSTS < 0 {
		return fmt.Errorf("--max-requests must be 1 or more, --cache-mb and --hsts 0 or more; got %d, %d and %s", s.MaxRequests, s.CacheMB, s.HSTS)
	}
	if _, err := api.ParseLimits(s.RateLimits); err != nil {
		return fmt.Errorf("--rate-limits: %w", err)
	}
	if s.SnapshotDays < 0 {
		return fmt.Errorf("--snapshot-days must be 0 or more, got %d", s.SnapshotDays)
	}
	if s.UploadMB < 1 {
		return fmt.Errorf("--upload-mb must be 1 or more, got %d", s.UploadMB)
	}
	if strings.Contains(s.LakeDir, "://") {
		return fmt.Errorf("--lake-dir %q: want a local folder: models read the lake's files through the file system", s.LakeDir)
	}
	for name, address := range map[string]string{"gdelt-url": s.GdeltURL, "gdelt-files-url": s.GdeltFilesURL, "open-meteo-url": s.OpenMeteoURL, "open-meteo-archive": s.OpenMeteoArchive, "geonames-url": s.GeonamesURL, "rates-url": s.RatesURL} {
		if _, err := hostOf(address); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	return s.validateMail()
}

// in returns the absolute path of a folder inside the data folder.
func (s *Settings) in(parts ...string) (string, error) {
	root, err := filepath.Abs(s.DataDir)
	if err != nil {
		return "", fmt.Errorf("data folder %s: %w", s.DataDir, err)
	}
	return filepath.Join(append([]string{root}, parts...)...), nil
}

// logger writes to w in the format and from the level that the settings say.
func (s *Settings) logger(w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// configCommand prints the effective settings.
type configCommand struct{}

// Help is shown by signalcraft config --help.
func (configCommand) Help() string {
	return "Prints every setting with its value and the variable that sets it.\n\nExample: SIGNALCRAFT_LISTEN=0.0.0.0:80 signalcraft config"
}

// Run prints one line for each setting.
func (configCommand) Run(settings *Settings, std streams) error {
	writer := table.NewWriter()
	writer.SetStyle(table.StyleLight)
	writer.Style().Format.Header = text.FormatLower
	writer.AppendHeader(table.Row{"setting", "value", "variable"})
	value, kind := reflect.ValueOf(settings).Elem(), reflect.TypeFor[Settings]()
	for i := range kind.NumField() {
		field := kind.Field(i)
		writer.AppendRow(table.Row{settingName(field), settingText(field, value.Field(i)), field.Tag.Get("env")})
	}
	_, err := fmt.Fprintln(std.out, writer.Render())
	return err
}

func settingName(field reflect.StructField) string {
	if name := field.Tag.Get("name"); name != "" {
		return name
	}
	var name strings.Builder
	for i, r := range field.Name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 && field.Name[i-1] >= 'a' && field.Name[i-1] <= 'z' {
			name.WriteByte('-')
		}
		name.WriteRune(r)
	}
	return strings.ToLower(name.String())
}

// settingText masks a secret; of an address it keeps all but the user and password.
func settingText(field reflect.StructField, value reflect.Value) string {
	text := fmt.Sprint(value.Interface())
	if _, secret := field.Tag.Lookup("secret"); !secret || text == "" {
		return text
	}
	if address, err := url.Parse(text); err == nil && address.Host != "" {
		return address.Scheme + "://****@" + address.Host + address.Path
	}
	return "****"
}

// versionCommand prints the version.
type versionCommand struct{}

// Run prints version, revision, Go version and platform.
func (versionCommand) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, "signalcraft", version())
	return err
}

// version is the module's version, or its revision, with the Go version it was built by.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	text := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			text += " " + s.Value[:12]
		}
	}
	return text + " " + info.GoVersion
}

// hostOf returns the host of an address.
func hostOf(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("address %q: want an absolute URL", address)
	}
	return u.Host, nil
}
