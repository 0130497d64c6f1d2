package modules

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"testing"
)

// object makes an ELF file with one section beside the name table.
func object(section string, data []byte) []byte {
	names := "\x00" + section + "\x00.shstrtab\x00"
	const header, shdr = 64, 64
	dataAt, namesAt := header, header+len(data)
	table := namesAt + len(names)
	b := make([]byte, table+3*shdr)
	copy(b, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(b[16:], 1)  // ET_REL
	le.PutUint16(b[18:], 62) // x86-64
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[40:], uint64(table))
	le.PutUint16(b[52:], header)
	le.PutUint16(b[58:], shdr)
	le.PutUint16(b[60:], 3)
	le.PutUint16(b[62:], 2)
	copy(b[dataAt:], data)
	copy(b[namesAt:], names)
	put := func(i int, name, kind uint32, at, size int) {
		s := b[table+i*shdr:]
		le.PutUint32(s, name)
		le.PutUint32(s[4:], kind)
		le.PutUint64(s[24:], uint64(at))
		le.PutUint64(s[32:], uint64(size))
	}
	put(1, 1, 1, dataAt, len(data))
	put(2, uint32(2+len(section)), 3, namesAt, len(names))
	return b
}

func TestReadInfo(t *testing.T) {
	raw := "license=GPL v2\x00softdep=pre: realtek crypto-crc32c post: late\x00depends=libphy,i2c-algo-bit\x00alias=pci:v1*\x00alias=pci:v2*\x00"
	got, err := ReadInfo("r8169-x.ko", bytes.NewReader(object(".modinfo", []byte(raw))))
	want := Info{
		Name: "r8169_x", Licence: "GPL v2",
		Depends: []string{"libphy", "i2c_algo_bit"}, Softdeps: []string{"realtek", "crypto-crc32c"},
		Aliases: []string{"pci:v1*", "pci:v2*"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, bad := range [][]byte{nil, []byte("no ELF"), object(".text", nil)} {
		if _, err := ReadInfo("x.ko", bytes.NewReader(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}

func TestClose(t *testing.T) {
	all := map[string]Info{
		"ext4":           {Name: "ext4", Depends: []string{"jbd2", "crc16"}, Softdeps: []string{"crypto-crc32c"}, Aliases: []string{"fs-ext4"}},
		"jbd2":           {Name: "jbd2"},
		"crc16":          {Name: "crc16"},
		"crc32c_generic": {Name: "crc32c_generic", Aliases: []string{"crypto-crc32c"}},
		"crc32c_intel":   {Name: "crc32c_intel", Aliases: []string{"crypto-crc32c"}},
		"r8169":          {Name: "r8169", Softdeps: []string{"realtek"}, Depends: []string{"libphy"}},
		"realtek":        {Name: "realtek", Depends: []string{"libphy"}},
		"broken":         {Name: "broken", Depends: []string{"absent"}},
		"libphy":         {Name: "libphy", Depends: []string{"builtin_one"}},
	}
	builtin := map[string]bool{"builtin_one": true, "loop": true}
	got, err := Close(all, builtin, []string{"r8169", "ext4", "crc32c_generic", "loop"})
	want := []Module{
		{Name: "crc16"},
		{Name: "crc32c_generic", Aliases: []string{"crypto-crc32c"}},
		{Name: "ext4", Needs: []string{"jbd2", "crc16", "crc32c_generic"}, Aliases: []string{"fs-ext4"}},
		{Name: "jbd2"},
		{Name: "libphy"},
		{Name: "r8169", Needs: []string{"libphy", "realtek"}},
		{Name: "realtek", Needs: []string{"libphy"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, wanted := range []string{"absent", "broken"} {
		if _, err := Close(all, builtin, []string{wanted}); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: %v", wanted, err)
		}
	}
}
