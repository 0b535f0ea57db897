

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('postgres', '0005_advice_under_way'),
    ]

    operations = [
        migrations.AddField(
            model_name='backup',
            name='expired',
            field=models.BooleanField(default=False),
        ),
    ]
